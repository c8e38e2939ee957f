"""The page: one HTML file that loads nothing."""

from collections.abc import Mapping

from markupsafe import Markup

from bench.figures.palette import COLOURS
from bench.leaderboard.lead import LeadPanel, lead_panels
from bench.leaderboard.model import Page, PageLink, PageSection, conditions_id
from bench.leaderboard.pictures import Pictures
from bench.leaderboard.plots import learning_charts, trade_charts
from bench.leaderboard.ranking import RULE, UNRANKED, Ranking, rank, unranked
from bench.leaderboard.tables import (
    class_table,
    data_titles,
    methods_table,
    published_table,
    ranking_table,
    tuned_beside,
)
from bench.leaderboard.tunes import tunes_of
from bench.pages import own, page_template
from bench.records.groups import Group, differences, titled
from bench.tables.book import Book
from bench.tables.columns import cost_columns, metric_columns
from bench.tables.header import device_statement, evidence_statements, header
from bench.tables.papers.recipes import those_chosen_on_test
from bench.tables.render import sorting
from bench.tables.tuned import TUNED

_PACKAGE = "bench.leaderboard"


def page_of(book: Book, found: Ranking, pictures: Pictures) -> Page:
    """Put the page of a book's runs together, with their ranking and with links to their pictures."""
    sections: list[PageSection] = []
    ranked: dict[str, str] = {}
    tuned_lead: list[LeadPanel] = []
    titles = data_titles(book.groups)
    for data, of_data in book.groups.items():
        for number, group in enumerate(of_data, start=1):
            name = f"data-{len(sections) + 1}"
            links = pictures.of_group(data, number, group.titles())
            sections.append(_section(book, name, titles[data], group, found.columns.get(data), links))
            if group is found.columns.get(data):
                ranked[data] = name
            elif group.first.cell.tuned and group.first.cell.split == "test":
                tuned_lead += _lead_of_tuned(book, group, name, titles[data])
    columns = tuple((titles[data], name) for data, name in ranked.items())
    evidence = {data: book.evidence(group) for data, group in found.columns.items()}
    overall = ranking_table(found, ranked, titles, evidence)
    tuned = tuned_beside(book.table(TUNED).frame) if TUNED in book.own() else None
    lead = (*lead_panels(found, ranked, titles, evidence), *tuned_lead)
    tunes, unread = tunes_of(pictures)
    return Page(
        facts=_facts(found),
        lead=lead,
        ranking=overall,
        columns=columns,
        sections=tuple(sections),
        tuned=tuned,
        tunes=tuple(tunes),
        published=published_table(),
        notes=(*book.notes.values(), *unread),
    )


def _lead_of_tuned(book: Book, group: Group, section: str, title: str) -> tuple[LeadPanel, ...]:
    """Who is ahead of tuned methods, which are no part of the ranking of untuned ones."""
    data, tuned = group.first.cell.data, group.first.cell.tuned
    assert tuned is not None
    title = f"{title}, tuned, {tuned.trials} trials each"
    return lead_panels(rank({data: group}), {data: section}, {data: title}, {data: book.evidence(group)})


def _facts(found: Ranking) -> tuple[str, ...]:
    """How much was ranked."""
    methods = sum(standing.place is not None for standing in found.standings)
    runs = sum(len(group.records) for group in found.columns.values())
    counted = ((methods, "method"), (len(found.columns), "data set"), (runs, "run"))
    return tuple(f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counted)


def _section(
    book: Book,
    name: str,
    title: str,
    group: Group,
    ranked: Group | None,
    links: Mapping[str, tuple[PageLink, ...]],
) -> PageSection:
    evidence = book.evidence(group)
    conditions = (*header(group, book.runs.store), *evidence_statements(group, evidence))
    if len(book.groups[group.first.cell.data]) > 1:
        title += f", {group.first.cell.schedule_title()}, {group.first.cell.protocol.name}"
    if ranked is None:
        conditions = (*conditions, f"not in the overall ranking: {unranked(group)}")
    elif group is not ranked:
        different = "; ".join(differences(ranked.first, group.first))
        conditions = (*conditions, f"not in the overall ranking, whose runs differ in: {different}")
    return PageSection(
        name,
        titled(title, [group]),
        conditions,
        device_statement(group.records),
        methods_table(
            f"{name}-comparison", "Comparison (%)", group, metric_columns(group), name, evidence, links
        ),
        methods_table(f"{name}-cost", "Cost", group, cost_columns(), name),
        class_table(f"{name}-classes", group, name),
        tuple(trade_charts(group)),
        tuple(learning_charts(group)),
    )


def render(page: Page) -> str:
    """The page as HTML. What comes from records is escaped; style and script are this project's own."""
    return page_template(_PACKAGE).render(
        page=page,
        rule=RULE,
        unranked=UNRANKED,
        recipes=those_chosen_on_test(),
        conditions_id=conditions_id,
        colours=COLOURS,
        style=own(_PACKAGE, "page.css"),
        script=Markup(sorting()) + own(_PACKAGE, "page.js"),
    )
