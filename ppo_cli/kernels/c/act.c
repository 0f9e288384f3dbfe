/* Acting for one step of the members' environments. */
#include "actor.h"

/* How many bytes of memory an actor takes for num_envs environments. */
EXPORT int64_t actor_memory(const Network *net, int64_t num_envs) {
  Memory memory = memory_at(NULL);
  take_actor(net, num_envs, &memory);
  return memory.bytes;
}

/* Makes actors of members' parameters, in their memory; to be called when they have changed.
 *
 * Rows of parameters and of actors are as many bytes apart as their names say.
 */
EXPORT void prepare_actors(const Network *net, int64_t num_members, const char *params, int64_t params_bytes,
                           int64_t num_envs, char *actor_memory, int64_t actor_bytes) {
  for (int64_t m = 0; m < num_members; m++) {
    Memory memory = memory_at(actor_memory + m * actor_bytes);
    const Actor actor = take_actor(net, num_envs, &memory);
    pack_actor(net, (const float *)(params + m * params_bytes), &actor);
  }
}

/* The actions of each member's num_envs environments on its obs [N, O]: int64 [N] when discrete, else [N, A].
 *
 * noise: [N, ...] as the distribution draws it in Python, or NULL for the most likely actions.
 * Rows of members are as many bytes apart as their names say; those of actions have no gaps.
 */
EXPORT void act(const Network *net, int64_t num_members, int64_t num_envs, const char *obs, int64_t obs_bytes,
                const char *noise, int64_t noise_bytes, char *actions, char *actor_memory, int64_t actor_bytes) {
  for (int64_t m = 0; m < num_members; m++) {
    Memory memory = memory_at(actor_memory + m * actor_bytes);
    const Actor actor = take_actor(net, num_envs, &memory);
    actor_act(net, &actor, (const float *)(obs + m * obs_bytes),
              noise ? (const float *)(noise + m * noise_bytes) : NULL, (int)num_envs,
              actions + m * num_envs * action_bytes(net));
  }
}

/* `count` sampled numbers as fractions of the way between the bounds, as `play` bends them. */
EXPORT void bend(int64_t count, const float *sampled, float *fractions) {
  for (int64_t i = 0; i < count; i++) fractions[i] = bent(sampled[i]);
}
