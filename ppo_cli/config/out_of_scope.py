"""Recurrent and image policies: what is said to those who ask for them."""

from __future__ import annotations

RECURRENT = (
    "recurrent policies are out of scope; let the observation hold what the policy must remember, as "
    "Gymnasium's FrameStackObservation does in an environment of your own (my_module:MyEnv-v0)"
)
IMAGES = (
    "image policies are out of scope; use an environment whose observation is a vector of numbers, or wrap "
    "yours so that it gives one (my_module:MyEnv-v0)"
)
_MLP = "the networks are always multilayer perceptrons; hidden_sizes and activation shape them"

_RECURRENT_NAMES = (
    "recurrent use_recurrent recurrent_policy lstm use_lstm n_lstm_layers num_lstm_layers lstm_hidden_size "
    "lstm_cell_size lstm_kwargs enable_critic_lstm shared_lstm rnn use_rnn rnn_hidden_size gru use_gru "
    "use_attention max_seq_len"
)
_IMAGE_NAMES = (
    "cnn use_cnn cnn_policy cnn_kwargs conv_filters conv_layers features_extractor "
    "features_extractor_class features_extractor_kwargs normalize_images"
)
_FRAME_NAMES = "frame_stack framestack n_stack num_stack"
_FRAMES = f"{IMAGES}; of vectors, FrameStackObservation in your environment stacks several"

_CPU = "everything runs on the processor, where small networks are fastest; num_threads gives it more cores"
_SDE = "state-dependent exploration is out of scope; log_std_init sets the noise of Gaussian actions"
_INIT = "weights are always orthogonal at the start, as in Stable-Baselines3; log_std_init alone can be set"
_RENDER = "training draws no pictures: `ppo render RUN` makes a film of a trained policy"

OUT_OF_SCOPE = {
    name: text
    for names, text in (
        (_RECURRENT_NAMES, RECURRENT),
        (_IMAGE_NAMES, IMAGES),
        (_FRAME_NAMES, _FRAMES),
        ("device cuda gpu use_gpu use_cuda num_gpus", _CPU),
        ("use_sde sde sde_sample_freq gsde", _SDE),
        ("ortho_init orthogonal_init init_gain weight_init", _INIT),
        ("render render_mode capture_video record_video human", _RENDER),
    )
    for name in names.split()
}
"""Names of settings that other libraries have, each with why there is none here."""


def policy_hint(value: str) -> str | None:
    """Explain a policy by another library's name: ``MlpPolicy``, ``CnnLstmPolicy``, ``lstm``."""
    name = value.lower()
    for words, text in ((("lstm", "recurrent", "rnn", "gru"), RECURRENT), (("cnn", "image"), IMAGES)):
        if any(word in name for word in words):
            return text
    return _MLP if "mlp" in name or "multiinput" in name else None
