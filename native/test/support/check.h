// Counts checks and prints those that fail.
#pragma once

#include <cstdint>
#include <string>

namespace cce::test {

// What is being checked, for the message of a failure.
extern std::string current;

void check(bool good, const char *what, double got = 0, double expected = 0);

int64_t checks();
int64_t failures();

}  // namespace cce::test
