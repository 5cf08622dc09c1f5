#include "support/check.h"

#include <cstdio>

namespace cce::test {
namespace {

constexpr int64_t kMostMessages = 30;

int64_t done = 0;
int64_t failed = 0;

}  // namespace

std::string current;

void check(bool good, const char *what, double got, double expected) {
    ++done;
    if (good) return;
    if (++failed > kMostMessages) return;
    printf("FAILED %s: got %.9g, expected %.9g\n    in %s\n", what, got, expected, current.c_str());
}

int64_t checks() { return done; }
int64_t failures() { return failed; }

}  // namespace cce::test
