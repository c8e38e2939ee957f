"""How the published checkpoints name the parameters of each head, and what we call them."""

from bench.methods.published.later_heads import C_TRAN, CSRA, ML_DECODER, QUERY2LABEL, TDRG
from bench.methods.published.place import Place, PublishedHead, layer_places

ML_GCN = PublishedHead(
    places={
        "gc1.weight": Place("first.weight"),
        "gc2.weight": Place("second.weight"),
    },
    unused={"A": "the label graph, a constant that is built from the training labels"},
)

SSGRL = PublishedHead(
    places={
        "word_semantic.fc_1.weight": Place("attention.image.weight"),
        "word_semantic.fc_2.weight": Place("attention.label.weight"),
        "word_semantic.fc_3.weight": Place("attention.hidden.weight"),
        "word_semantic.fc_3.bias": Place("attention.hidden.bias"),
        "word_semantic.fc_a.weight": Place("attention.target.weight"),
        "word_semantic.fc_a.bias": Place("attention.target.bias"),
        "graph_net.fc_eq3_w.weight": Place("graph_network.from_messages.weight", 0),
        "graph_net.fc_eq3_w.bias": Place("graph_network.from_messages.bias", 0),
        "graph_net.fc_eq4_w.weight": Place("graph_network.from_messages.weight", 1),
        "graph_net.fc_eq4_w.bias": Place("graph_network.from_messages.bias", 1),
        "graph_net.fc_eq5_w.weight": Place("graph_network.from_messages.weight", 2),
        "graph_net.fc_eq5_w.bias": Place("graph_network.from_messages.bias", 2),
        "graph_net.fc_eq3_u.weight": Place("graph_network.from_state.weight"),
        "graph_net.fc_eq3_u.bias": Place("graph_network.from_state.bias"),
        "graph_net.fc_eq5_u.weight": Place("graph_network.from_reset_state.weight"),
        "graph_net.fc_eq5_u.bias": Place("graph_network.from_reset_state.bias"),
        "fc_output.weight": Place("output.weight"),
        "fc_output.bias": Place("output.bias"),
        "classifiers.weight": Place("classifier.weight"),
        "classifiers.bias": Place("classifier.bias"),
    },
    unused={
        "graph_net.fc_eq4_u.weight": "stored, but the published code computes the reset gate with fc_eq3_u",
        "graph_net.fc_eq4_u.bias": "stored, but the published code computes the reset gate with fc_eq3_u",
    },
)

ADD_GCN = PublishedHead(
    places={
        "fc.weight": Place("activation.weight", kernel=True),
        "conv_transform.weight": Place("transform.weight", kernel=True),
        "conv_transform.bias": Place("transform.bias"),
        "gcn.static_adj.0.weight": Place("graph_network.static_graph.weight", kernel=True),
        "gcn.static_weight.0.weight": Place("graph_network.static_update.weight", kernel=True),
        "gcn.static_weight.0.bias": Place("graph_network.static_update.bias"),
        "gcn.conv_global.weight": Place("graph_network.summary.weight", kernel=True),
        "gcn.conv_global.bias": Place("graph_network.summary.bias"),
        "gcn.bn_global.weight": Place("graph_network.summary_norm.weight"),
        "gcn.bn_global.bias": Place("graph_network.summary_norm.bias"),
        "gcn.bn_global.running_mean": Place("graph_network.summary_norm.running_mean"),
        "gcn.bn_global.running_var": Place("graph_network.summary_norm.running_var"),
        "gcn.bn_global.num_batches_tracked": Place("graph_network.summary_norm.num_batches_tracked"),
        "gcn.conv_create_co_mat.weight": Place("graph_network.dynamic_graph.weight", kernel=True),
        "gcn.conv_create_co_mat.bias": Place("graph_network.dynamic_graph.bias"),
        "gcn.dynamic_weight.weight": Place("graph_network.dynamic_update.weight", kernel=True),
        "gcn.dynamic_weight.bias": Place("graph_network.dynamic_update.bias"),
        "last_linear.weight": Place("classifier.weight", kernel=True),
        "last_linear.bias": Place("classifier.bias"),
    },
    unused={"mask_mat": "an identity matrix that picks the diagonal, which is never computed in full here"},
)

SALGL = PublishedHead(
    places={
        "comatrix": Place("cooccurrence"),
        **layer_places("tb.layers.0", "encoder"),
        "scene_linear.weight": Place("scene.weight"),
        "ggnn.fc1_w.weight": Place("graph_network.from_messages.weight", 0),
        "ggnn.fc1_w.bias": Place("graph_network.from_messages.bias", 0),
        "ggnn.fc2_w.weight": Place("graph_network.from_messages.weight", 1),
        "ggnn.fc2_w.bias": Place("graph_network.from_messages.bias", 1),
        "ggnn.fc3_w.weight": Place("graph_network.from_messages.weight", 2),
        "ggnn.fc3_w.bias": Place("graph_network.from_messages.bias", 2),
        "ggnn.fc1_u.weight": Place("graph_network.from_state.weight", 0),
        "ggnn.fc1_u.bias": Place("graph_network.from_state.bias", 0),
        "ggnn.fc2_u.weight": Place("graph_network.from_state.weight", 1),
        "ggnn.fc2_u.bias": Place("graph_network.from_state.bias", 1),
        "ggnn.fc3_u.weight": Place("graph_network.from_reset_state.weight"),
        "ggnn.fc3_u.bias": Place("graph_network.from_reset_state.bias"),
        "attention.linear1.weight": Place("attention.image.weight"),
        "attention.linear2.weight": Place("attention.label.weight"),
        "attention.hidden_linear.weight": Place("attention.hidden.weight"),
        "attention.hidden_linear.bias": Place("attention.hidden.bias"),
        "attention.target_linear.weight": Place("attention.target.weight"),
        "attention.target_linear.bias": Place("attention.target.bias"),
        "fc.0.weight": Place("output.weight"),
        "fc.0.bias": Place("output.bias"),
        "classifier.weight": Place("classifier.weight"),
        "classifier.bias": Place("classifier.bias"),
    },
    unused={
        "embeddings": "the label vectors, a constant that comes with the labels",
        "position_embedding.pe": "a constant that is computed for any size of map",
    },
)

# MultiLabelClassification's baseline: torchvision's whole ResNet-101.
RESNET = PublishedHead(
    places={
        "network.fc.weight": Place("classifier.weight"),
        "network.fc.bias": Place("classifier.bias"),
    },
)

PUBLISHED: dict[str, PublishedHead] = {
    "ml-gcn": ML_GCN,
    "ssgrl": SSGRL,
    "add-gcn": ADD_GCN,
    "salgl": SALGL,
    "resnet": RESNET,
    "query2label": QUERY2LABEL,
    "c-tran": C_TRAN,
    "tdrg": TDRG,
    "csra": CSRA,
    "ml-decoder": ML_DECODER,
}
