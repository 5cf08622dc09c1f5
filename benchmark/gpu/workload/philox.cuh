// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a draw is a function of the
// seed and of its place, so any kernel can repeat any draw and no order of threads matters.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace cce::benchmark {

// What a draw is for; different purposes never share one.
enum Purpose : uint32_t {
    kClassifierDraw,
    kEmbeddingsDraw,
    kDirectionDraw,
    kCandidateDraw,
    kOrderDraw,
    kSlopeDraw,
    kTargetDraw,
    kFrequencyDraw,
    kBiasDraw,
    kRowDraw,
};

struct Draw {
    uint32_t word[4];
};

__host__ __device__ inline Draw philox(uint64_t seed, uint32_t purpose, uint32_t row, uint64_t column) {
    uint32_t c[4] = {static_cast<uint32_t>(column), static_cast<uint32_t>(column >> 32), row, purpose};
    uint32_t k[2] = {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)};
    for (int round = 0; round < 10; ++round) {
        const uint64_t a = uint64_t{0xD2511F53u} * c[0];
        const uint64_t b = uint64_t{0xCD9E8D57u} * c[2];
        c[0] = static_cast<uint32_t>(b >> 32) ^ c[1] ^ k[0];
        c[1] = static_cast<uint32_t>(b);
        c[2] = static_cast<uint32_t>(a >> 32) ^ c[3] ^ k[1];
        c[3] = static_cast<uint32_t>(a);
        k[0] += 0x9E3779B9u;
        k[1] += 0xBB67AE85u;
    }
    return {{c[0], c[1], c[2], c[3]}};
}

// In (0, 1), finest near 0.
__device__ inline float uniform(uint32_t word) {
    return fminf((static_cast<float>(word) + 0.5f) * 0x1p-32f, 0x1.fffffep-1f);
}

// Standard Gumbel: -log of an exponential, whose small values, the large results, are the finest.
__device__ inline float gumbel(uint32_t word) { return -logf(-log1pf(-uniform(word))); }

// Four standard normals, by Box and Muller.
__device__ inline void normals(const Draw &draw, float *out) {
#pragma unroll
    for (int pair = 0; pair < 4; pair += 2) {
        const float radius = sqrtf(-2.0f * logf(uniform(draw.word[pair])));
        float sine, cosine;
        sincospif(2.0f * uniform(draw.word[pair + 1]), &sine, &cosine);
        out[pair] = radius * sine;
        out[pair + 1] = radius * cosine;
    }
}

// Orders floats as unsigned integers, the larger the larger.
__device__ inline uint32_t ordered(float x) {
    const uint32_t bits = __float_as_uint(x);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

}  // namespace cce::benchmark
