"""From what somebody typed to a setting, or to the name that they probably meant."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from ppo_cli.config.out_of_scope import OUT_OF_SCOPE
from ppo_cli.config.settings import BY_NAME, BY_PATH, SECTIONS, Setting

FOREIGN: dict[str, str] = {
    "eps_clip": (
        "clip_range clip_coef clip_ratio clip_param clip clip_eps cliprange clip_epsilon "
        "clipping_epsilon e_clip ratio_clip ppo_clip ppo_clip_ratio epsilon eps clip_range_pi epsilon_low "
        "clip_ratio_low"
    ),
    "anneal_eps_clip": "anneal_clip anneal_clip_range clip_schedule",
    "eps_clip_vf": (
        "clip_range_vf clip_vloss value_clip clip_value clip_vf use_clipped_value_loss vf_clip_param"
    ),
    "learning_rate": (
        "lr pi_lr lr_actor actor_lr actor_learning_rate policy_lr policy_learning_rate step_size alpha"
    ),
    "critic_learning_rate": (
        "lr_critic critic_lr vf_lr value_lr lr_vf value_learning_rate vf_learning_rate lr_v"
    ),
    "anneal_lr": "lr_schedule lr_decay lr_anneal linear_lr",
    "num_envs": "n_envs num_actors num_workers n_workers env_count n_env",
    "num_steps": (
        "n_steps horizon_length horizon rollout_length rollouts unroll_length num_steps_per_env "
        "nsteps rollout_fragment_length n_rollout_steps"
    ),
    "num_epochs": (
        "k_epochs n_epochs update_epochs noptepochs num_sgd_iter mini_epochs learning_epochs "
        "num_learning_epochs num_updates_per_batch ppo_epochs update_step_num_repetitions "
        "repeat_per_collect"
    ),
    "num_minibatches": "n_minibatches nminibatches mini_batches num_mini_batches n_minibatch",
    "gamma": "discount discounting discount_factor",
    "gae_lambda": "lam lambda lambda_ lmbda tau gae_lam lambda_gae",
    "ent_coef": (
        "ent_weight entropy_coef entropy_coeff entropy_weight entropy_cost entropy_loss_scale "
        "entropy_bonus exploration_loss_coeff entropy_coefficient"
    ),
    "vf_coef": (
        "value_loss_coef vf_loss_coeff critic_coef critic_coeff value_loss_scale value_loss_coeff "
        "value_coef vf_weight value_weight"
    ),
    "max_grad_norm": "grad_norm grad_clip grad_norm_clip max_gradient_norm gradient_clip clip_grad_norm",
    "target_kl": "max_kl",
    "kl_target": "kl_targ d_targ kl_d_targ target_kl_divergence",
    "kl_coef": (
        "init_kl_coef kl_coeff kl_beta initial_kl_coeff kl_loss_coef kl_penalty_coef kl_penalty kl_weight "
        "kl_ctl_value"
    ),
    "returns": "reward_to_go rewards_to_go return_type use_rtg",
    "baseline": "use_baseline use_critic value_baseline nn_baseline",
    "group_size": "num_generations rollout_n n_samples_per_prompt num_samples_per_prompt group_num",
    "clip_higher": "epsilon_high clip_ratio_high eps_clip_high eps_high clip_high clip_range_high",
    "reference": "ref_model reference_model reference_policy ref_policy ref_path",
    "divide_by_std": "norm_adv_by_std_in_grpo normalize_by_std grpo_std_normalization",
    "dynamic_sampling": "filter_groups",
    "loss_mean": "loss_agg_mode loss_type loss_aggregation",
    "total_timesteps": (
        "total_steps n_timesteps num_timesteps timesteps max_steps max_timesteps "
        "max_training_timesteps num_env_steps"
    ),
    "normalize_advantages": ("normalize_advantage norm_adv advantage_normalization standardize_advantages"),
    "normalize_obs": (
        "norm_obs normalize normalize_observations obs_norm normalize_observation normalize_input"
    ),
    "hidden_sizes": (
        "net_arch hidden_size hidden_dim hidden_dims hid layers fcnet_hiddens hidden_layers policy_kwargs"
    ),
    "policy": "policy_class policy_type dist_class action_dist action_distribution distribution",
    "squash": "squash_output use_tanh tanh_squash squash_actions",
    "activation": "activation_fn act_fn nonlinearity",
    "log_std_init": "init_log_std action_std_init action_std log_std",
    "env_id": "env environment gym_id env_name task",
    "env_kwargs": "env_args env_config",
    "algorithm": "algo",
    "seed": "random_seed rng_seed",
    "reward_scale": "reward_scaling",
    "eval_episodes": "n_eval_episodes num_eval_episodes",
    "num_evals": "eval_freq eval_interval n_evals",
    "num_threads": "torch_threads n_threads threads",
    "tensorboard": "tensorboard_log tb track",
}
"""Our names, each with those that other libraries and tutorials use for the same thing."""

OWNERS = {
    "clip_range": "Stable-Baselines3",
    "clip_range_vf": "Stable-Baselines3",
    "n_envs": "Stable-Baselines3",
    "n_steps": "Stable-Baselines3",
    "n_epochs": "Stable-Baselines3",
    "net_arch": "Stable-Baselines3",
    "normalize_advantage": "Stable-Baselines3",
    "clip_coef": "CleanRL",
    "update_epochs": "CleanRL",
    "norm_adv": "CleanRL",
    "clip_vloss": "CleanRL",
    "clip_ratio": "Spinning Up",
    "lam": "Spinning Up",
    "pi_lr": "Spinning Up",
    "clip_param": "RLlib",
    "num_sgd_iter": "RLlib",
    "noptepochs": "OpenAI Baselines",
    "e_clip": "rl_games",
    "horizon_length": "rl_games",
    "kl_coeff": "RLlib",
    "use_critic": "RLlib",
    "init_kl_coef": "TRL",
    "num_generations": "TRL",
    "epsilon_high": "TRL",
    "ref_model": "TRL",
    "loss_type": "TRL",
    "kl_loss_coef": "verl",
    "clip_ratio_high": "verl",
    "norm_adv_by_std_in_grpo": "verl",
    "filter_groups": "verl",
    "loss_agg_mode": "verl",
}
"""Whose name it is, where that is well known."""

_PARTS = (
    "did you mean num_minibatches? An update has num_envs * num_steps transitions, cut into that many parts"
)
_BATCH = "did you mean num_envs and num_steps? Their product is the batch of one update"
_TOGETHER = "did you mean num_epochs? Policy and value networks are updated together"
_KL = (
    "did you mean target_kl, at which an update stops early, or ppo-kl's kl_target? "
    "The learning rate does not adapt to either"
)
_LIMIT = (
    "did you mean env_kwargs.max_episode_steps, the longest episode? total_timesteps is the length of the run"
)
_REWARD = "rewards are not normalised here; did you mean reward_scale, a factor on what the learner sees?"
_SHAPING = "did you mean reward_shaping.mode=replace, with a weight for each term?"
_ADAM = "the optimiser is Adam with its usual constants; learning_rate is its step size"
AMBIGUOUS = {
    "batch_size": _PARTS,
    "minibatch_size": _PARTS,
    "train_batch_size": _BATCH,
    "update_timestep": _BATCH,
    "steps_per_epoch": _BATCH,
    "epochs": "did you mean num_epochs (passes over each batch), or total_timesteps (length of the run)?",
    "train_pi_iters": _TOGETHER,
    "train_v_iters": _TOGETHER,
    "desired_kl": _KL,
    "kl_threshold": _KL,
    "beta": "did you mean ent_coef (of the entropy), or kl_coef (beta is its name in TRL)?",
    "max_episode_steps": _LIMIT,
    "time_limit": _LIMIT,
    "max_ep_len": _LIMIT,
    "episode_length": _LIMIT,
    "normalize_reward": _REWARD,
    "normalize_rewards": _REWARD,
    "norm_reward": _REWARD,
    "reward_normalization": _REWARD,
    "replace_reward": _SHAPING,
    "betas": _ADAM,
    "adam_eps": _ADAM,
    "weight_decay": _ADAM,
    "optimizer": _ADAM,
    "scale_rewards": "did you mean reward_scale, or grpo's divide_by_std (scale_rewards is its name in TRL)?",
}
"""Foreign names that mean different things in different libraries, each with an explanation."""


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


_BY_PLAIN_NAME = {_plain(name): setting for name, setting in BY_NAME.items()}
_BY_FOREIGN_NAME = {
    _plain(foreign): BY_NAME[ours] for ours, names in FOREIGN.items() for foreign in names.split()
}
_AMBIGUOUS = {_plain(name): text for name, text in AMBIGUOUS.items()}
_OUT_OF_SCOPE = {_plain(name): text for name, text in OUT_OF_SCOPE.items()}
_OWNERS = {_plain(name): owner for name, owner in OWNERS.items()}


@dataclass(frozen=True)
class Target:
    """What a name stands for.

    Attributes:
        setting: The setting.
        key: The name inside the setting's mapping (``enable_wind`` of ``env_kwargs.enable_wind``), or None.
    """

    setting: Setting
    key: str | None = None

    @property
    def path(self) -> str:
        """The full path, with the name inside the mapping."""
        return self.setting.path if self.key is None else f"{self.setting.path}.{self.key}"


def find(name: str) -> Target | None:
    """The setting with this leaf name or path, or None.

    Args:
        name: ``eps_clip``, ``learning.eps_clip``, ``env_kwargs.enable_wind`` or ``custom.my_term``.
    """
    setting = BY_PATH.get(name) or BY_NAME.get(name)
    if setting is not None:
        return Target(setting)
    prefix, _, key = name.rpartition(".")
    setting = BY_PATH.get(prefix) or BY_NAME.get(prefix)
    return Target(setting, key) if setting is not None and setting.is_mapping and key else None


def nearest(name: str) -> str:
    """What to say about an unknown name.

    Args:
        name: The name as typed, with or without a section.

    Returns:
        A hint, such as ``did you mean eps_clip?``
    """
    leaf = name[:80].rpartition(".")[2].strip()
    plain = _plain(leaf)
    if leaf in BY_NAME:  # in the wrong section
        return f"did you mean {BY_NAME[leaf].path}?"
    if plain in _BY_PLAIN_NAME:
        return f"did you mean {_BY_PLAIN_NAME[plain].name}?"
    if plain in _OUT_OF_SCOPE:
        return _OUT_OF_SCOPE[plain]
    if plain in _AMBIGUOUS:
        return _AMBIGUOUS[plain]
    if plain in _BY_FOREIGN_NAME:
        ours = _BY_FOREIGN_NAME[plain].name
        owner = f" ({leaf} is its name in {_OWNERS[plain]})" if plain in _OWNERS else ""
        return f"did you mean {ours}?{owner}"
    if plain.startswith("penalty") or plain.endswith("penalty"):
        return (
            f"{_SHAPING[:-1]}, or mode=add? A cost is a term with a negative weight, such as main_engine=-0.3"
        )
    close = get_close_matches(leaf.lower(), [*BY_NAME, *filter(None, SECTIONS)], n=1)
    return f"did you mean {close[0]}?" if close else "`ppo config` lists every setting"
