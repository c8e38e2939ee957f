"""How the published checkpoints of CSRA and ML-Decoder name the parameters of the head."""

from bench.methods.published.place import Place, PublishedHead

# Under mmpretrain's names; the official ones differ in what stands before the number.
CSRA = PublishedHead(repeated={"csra_heads.{}.head.weight": Place("heads.{}.weight", kernel=True)})

ML_DECODER = PublishedHead(
    places={
        "decoder.embed_standart.weight": Place("embed.weight"),
        "decoder.embed_standart.bias": Place("embed.bias"),
        "decoder.query_embed.weight": Place("queries"),
        "decoder.layers.0.norm1.weight": Place("query_norm.weight"),
        "decoder.layers.0.norm1.bias": Place("query_norm.bias"),
        "decoder.layers.0.multihead_attn.in_proj_weight": Place("attention.project.weight"),
        "decoder.layers.0.multihead_attn.in_proj_bias": Place("attention.project.bias"),
        "decoder.layers.0.multihead_attn.out_proj.weight": Place("attention.merge.weight"),
        "decoder.layers.0.multihead_attn.out_proj.bias": Place("attention.merge.bias"),
        "decoder.layers.0.norm2.weight": Place("attention_norm.weight"),
        "decoder.layers.0.norm2.bias": Place("attention_norm.bias"),
        "decoder.layers.0.linear1.weight": Place("expand.weight"),
        "decoder.layers.0.linear1.bias": Place("expand.bias"),
        "decoder.layers.0.linear2.weight": Place("contract.weight"),
        "decoder.layers.0.linear2.bias": Place("contract.bias"),
        "decoder.layers.0.norm3.weight": Place("feedforward_norm.weight"),
        "decoder.layers.0.norm3.bias": Place("feedforward_norm.bias"),
        "decoder.duplicate_pooling": Place("classifier.weight"),
        "decoder.duplicate_pooling_bias": Place("classifier.bias"),
    }
)
