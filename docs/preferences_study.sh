#!/bin/sh
# Pendulum from comparisons, five seeds from nothing: play, ask, fit, train, and the nulls beside it.
# Usage: sh docs/preferences_study.sh [FOLDER]     ppo must be on the PATH; all that is made lies in FOLDER.
set -eu
RUNS=${1:-runs/preferences-study}
for seed in 1 2 3 4 5; do
    ppo train --env Pendulum-v1 --total-timesteps 100000 --seed $seed --name young$seed --runs-dir "$RUNS" --quiet \
        --set keep_policies=5 --set num_evals=0 --set final_eval_episodes=1
    ppo prefer young$seed --random --pairs 300 --seed $seed --name set$seed --set length=25 --runs-dir "$RUNS"
    ppo reward-model set$seed --seed $seed --runs-dir "$RUNS"
    ppo train --env Pendulum-v1 --seed $seed --name taught-s$seed --runs-dir "$RUNS" --quiet \
        --set num_evals=0 --set reward_model=set$seed
done
for null in constant random; do
    ppo train --env Pendulum-v1 --seeds 5 --name $null --runs-dir "$RUNS" --quiet \
        --set num_evals=0 --set reward_model=$null
done
ppo train --env Pendulum-v1 --seeds 5 --name true --runs-dir "$RUNS" --quiet --set num_evals=0
ppo compare taught true --null constant --null random --runs-dir "$RUNS"
