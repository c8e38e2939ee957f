"""How the checkpoints of CSRA, Query2Label, ML-Decoder, TDRG and C-Tran name the parameters of the head."""

from bench.methods.published.place import Place, PublishedHead, layer_places

# Under mmpretrain's names; the official ones differ in what stands before the number.
CSRA = PublishedHead(repeated={"csra_heads.{}.head.weight": Place("heads.{}.weight", kernel=True)})

ML_DECODER = PublishedHead(
    places={
        "decoder.embed_standart.weight": Place("embed.weight"),
        "decoder.embed_standart.bias": Place("embed.bias"),
        "decoder.query_embed.weight": Place("queries"),
        "decoder.layers.0.norm1.weight": Place("query_norm.weight"),
        "decoder.layers.0.norm1.bias": Place("query_norm.bias"),
        **layer_places("decoder.layers.0", "layer", "multihead_attn", ("norm2", "norm3")),
        "decoder.duplicate_pooling": Place("classifier.weight"),
        "decoder.duplicate_pooling_bias": Place("classifier.bias"),
    }
)


def _decoder_layer(number: int) -> dict[str, Place]:
    """A layer of Query2Label's decoder, whose self-attention and its normalisation were taken out."""
    theirs = f"transformer.decoder.layers.{number}"
    return layer_places(theirs, f"decoder.{number}", "multihead_attn", ("norm2", "norm3"))


QUERY2LABEL = PublishedHead(
    places={
        **layer_places("transformer.encoder.layers.0", "encoder.0"),
        **_decoder_layer(0),
        **_decoder_layer(1),
        "transformer.decoder.norm.weight": Place("norm.weight"),
        "transformer.decoder.norm.bias": Place("norm.bias"),
        "input_proj.weight": Place("project.weight", kernel=True, optional=True),
        "input_proj.bias": Place("project.bias", optional=True),
        "query_embed.weight": Place("queries"),
        "fc.W": Place("classifier.weight", single=True),
        "fc.b": Place("classifier.bias", single=True),
    },
    unused={"backbone.1.pe": "a constant that is computed for any size of map"},
)

_UNUSED = "stored, but the published code does not use it"

TDRG = PublishedHead(
    places={
        "transform_28.weight": Place("scales.earlier.weight"),
        "transform_28.bias": Place("scales.earlier.bias"),
        "transform_14.weight": Place("scales.last.weight"),
        "transform_14.bias": Place("scales.last.bias"),
        "transform_7.weight": Place("scales.coarse.weight"),
        "transform_7.bias": Place("scales.coarse.bias"),
        **layer_places("transformer.encoder.layers.0", "scales.layers.0"),
        **layer_places("transformer.encoder.layers.1", "scales.layers.1"),
        **layer_places("transformer.encoder.layers.2", "scales.layers.2"),
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

C_TRAN = PublishedHead(
    places={
        "label_lt.weight": Place("labels"),
        "known_label_lt.weight": Place("states.weight"),
        **layer_places("self_attn_layers.0.transformer_layer", "layers.0"),
        **layer_places("self_attn_layers.1.transformer_layer", "layers.1"),
        **layer_places("self_attn_layers.2.transformer_layer", "readout"),
        "output_linear.weight": Place("classifier.weight"),
        "output_linear.bias": Place("classifier.bias"),
        "LayerNorm.weight": Place("norm.weight"),
        "LayerNorm.bias": Place("norm.bias"),
    },
    unused={
        "backbone.base_network.fc.weight": "the classifier of ImageNet's classes, stored but never used",
        "backbone.base_network.fc.bias": "the classifier of ImageNet's classes, stored but never used",
    },
)
