// What forward and its primitives promise, checked for one problem on its device.
#pragma once

#include "cuda/forward_case.h"
#include "support/reference.h"

namespace cce::test {

// Results against the reference; the same bits in other memory, on another stream, and with gradients announced.
void check_forward(const ForwardCase &c, const Reference &expected);

// cce_indexed_dot and cce_log_sum_exp against the reference; cce_make_state by its count.
void check_primitives(const ForwardCase &c, const Reference &expected);

// A backward after cce_make_state has the gradients of a backward after cce_forward.
void check_made_state(const ForwardCase &c);

// Ten runs on alternating streams.
void check_repeats(const ForwardCase &c);

// A captured forward, replayed on other inputs.
void check_graph(const ForwardCase &c);

// Targets that are out of range.
void check_bad_target(const ForwardCase &c);

}  // namespace cce::test
