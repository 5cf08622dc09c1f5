// What the sections about gradients share.
#pragma once

#include "sections/case.h"

namespace cce::benchmark {

// Exact gradients take four products of the size of the logits': the logits twice, dE and dC.
constexpr double kExactProducts = 4;
constexpr double kKeptProducts = kExactProducts - 1;  // the logits once

Variant filtered_variant();  // gradients with filter auto
Variant exact_variant();     // gradients without a filter
Variant kept_variant();      // the same, with all logits kept

// Forward and then backward, and backward alone, as contenders, counted as so many of these products.
Contender both_passes_of(const Head &head, const std::string &what, double products = 0);
Contender backward_of(const Head &head, const std::string &what, double products = 0);

// What `head`'s last backward says about its filters, as a note.
void note_filter_report(const Case &c, const std::string &what, const Head &head);

}  // namespace cce::benchmark
