// What backward promises, checked for one problem on its device.
#pragma once

#include <string>

#include "cuda/backward_case.h"

namespace cce::test {

// Gradients and filter report against the reference; the same bits in other memory and on another stream. `family`: of
// the kernels.
void check_backward(const BackwardCase &c, const BackwardReference &expected, const std::string &family);

// Ten runs on alternating streams.
void check_repeated_backward(const BackwardCase &c);

// That dE, which must be asked for, is the same without E, of a case that keeps all logits.
void check_nothing_recomputed(const BackwardCase &c);

// A captured forward and backward, replayed on other inputs.
void check_backward_graph(const BackwardCase &c);

}  // namespace cce::test
