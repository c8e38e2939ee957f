"""How the checkpoints of TDRG name the parameters of its head, now and before."""

from bench.methods.published.place import Place, PublishedHead


def _layer(number: int) -> dict[str, Place]:
    """One layer of the transformer."""
    theirs, ours = f"transformer.encoder.layers.{number}", f"scales.layers.{number}"
    return {
        f"{theirs}.self_attn.in_proj_weight": Place(f"{ours}.project.weight"),
        f"{theirs}.self_attn.in_proj_bias": Place(f"{ours}.project.bias"),
        f"{theirs}.self_attn.out_proj.weight": Place(f"{ours}.merge.weight"),
        f"{theirs}.self_attn.out_proj.bias": Place(f"{ours}.merge.bias"),
        f"{theirs}.linear1.weight": Place(f"{ours}.expand.weight"),
        f"{theirs}.linear1.bias": Place(f"{ours}.expand.bias"),
        f"{theirs}.linear2.weight": Place(f"{ours}.contract.weight"),
        f"{theirs}.linear2.bias": Place(f"{ours}.contract.bias"),
        f"{theirs}.norm1.weight": Place(f"{ours}.attention_norm.weight"),
        f"{theirs}.norm1.bias": Place(f"{ours}.attention_norm.bias"),
        f"{theirs}.norm2.weight": Place(f"{ours}.feedforward_norm.weight"),
        f"{theirs}.norm2.bias": Place(f"{ours}.feedforward_norm.bias"),
    }


_UNUSED = "stored, but the published code does not use it"

TDRG = PublishedHead(
    places={
        "transform_28.weight": Place("scales.earlier.weight"),
        "transform_28.bias": Place("scales.earlier.bias"),
        "transform_14.weight": Place("scales.last.weight"),
        "transform_14.bias": Place("scales.last.bias"),
        "transform_7.weight": Place("scales.coarse.weight"),
        "transform_7.bias": Place("scales.coarse.bias"),
        **_layer(0),
        **_layer(1),
        **_layer(2),
        "trans_classifier.weight": Place("structural_classifier.weight"),
        "trans_classifier.bias": Place("structural_classifier.bias"),
        "constraint_classifier.weight": Place("activation.weight", kernel=True),
        "gcn_dim_transform.weight": Place("transform.weight", kernel=True),
        "gcn_dim_transform.bias": Place("transform.bias"),
        "guidance_transform.weight": Place("guided.weight", kernel=True),
        "guidance_transform.bias": Place("guided.bias"),
        "guidance_conv.weight": Place("guidance.weight", kernel=True),
        "guidance_conv.bias": Place("guidance.bias"),
        "guidance_bn.weight": Place("guidance_norm.weight"),
        "guidance_bn.bias": Place("guidance_norm.bias"),
        "guidance_bn.running_mean": Place("guidance_norm.running_mean"),
        "guidance_bn.running_var": Place("guidance_norm.running_var"),
        "guidance_bn.num_batches_tracked": Place("guidance_norm.num_batches_tracked"),
        "matrix_transform.weight": Place("graph.weight", kernel=True),
        "matrix_transform.bias": Place("graph.bias"),
        "forward_gcn.weight.weight": Place("update.weight", kernel=True),
        "forward_gcn.weight.bias": Place("update.bias"),
        "gcn_classifier.weight": Place("classifier.weight", kernel=True),
        "gcn_classifier.bias": Place("classifier.bias"),
    },
    unused={
        "mask_mat": "an identity matrix that picks the diagonal, which is never computed in full here",
        "query_embed.weight": _UNUSED,
        "positional_embedding.row_embed.weight": _UNUSED,
        "positional_embedding.col_embed.weight": _UNUSED,
        "transformer.decoder.norm.weight": _UNUSED,
        "transformer.decoder.norm.bias": _UNUSED,
    },
)
