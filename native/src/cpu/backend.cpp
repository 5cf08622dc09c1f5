#include "common/backend.h"

#include "cpu/compute.h"
#include "cpu/device.h"
#include "cpu/thread_pool.h"

namespace cce {
namespace {

bool keeps_logits(const Problem &) { return false; }

int64_t candidate_pairs(const Problem &) { return 0; }

int64_t workspace_bytes(const Problem &p, int32_t passes) {
    const int32_t threads = cpu_threads();
    int64_t most = 0;
    const auto raise = [&most](int64_t bytes) { most = bytes > most ? bytes : most; };
    if (passes & CCE_PASS_FORWARD) {
        raise(cpu::forward_workspace_bytes(p, threads));
        raise(cpu::indexed_dot_workspace_bytes(p, threads));
    }
    if (passes & CCE_PASS_BACKWARD) raise(cpu::backward_workspace_bytes(p, threads));
    return most;
}

int32_t read_header(const Problem &, const State &state, StateHeader *header, void *) {
    *header = *state.header;
    return CCE_OK;
}

}  // namespace

const Backend &cpu_backend() {
    static const Backend backend = {
        cpu::query,         cpu::text,           cpu::synchronize,        cpu::allocate,
        cpu::free,          cpu::copy,           cpu::fill,               cpu::check_pointer,
        cpu::stream_create, cpu::stream_destroy, cpu::stream_synchronize, cpu::event_create,
        cpu::event_destroy, cpu::event_record,   cpu::event_synchronize,  cpu::event_wait,
        cpu::event_elapsed, keeps_logits,        candidate_pairs,         workspace_bytes,
        cpu::indexed_dot,   cpu::log_sum_exp,    cpu::make_state,         cpu::forward,
        cpu::backward,      read_header,
    };
    return backend;
}

}  // namespace cce
