// Problems with more than 2^32 logits, or a classifier of more than 2^32 elements: does every index have 64 bits?
#pragma once

#include <cstdint>
#include <string>

namespace cce::test {

// With the family that CCE_KERNEL names; `where` names both for messages. Skips, and says so, what does not fit into
// the memory of `device`.
void check_large(int32_t device, const std::string &where);

}  // namespace cce::test
