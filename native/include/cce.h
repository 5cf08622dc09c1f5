/*
 * cce.h - Cut Cross-Entropy: the loss of a classifier with very many classes, and its gradients,
 * without ever storing the N x V logits.
 *
 * Method: Wijmans et al., "Cut Your Losses in Large-Vocabulary Language Models", ICLR 2025,
 * arXiv 2411.09009. Section numbers below are the paper's.
 *
 * The quantity. E holds hidden states, C the classifier (one row a class), b a bias, y the targets:
 *
 *     z[i,j]  = softcap * tanh((E[i] . C[j] + b[j]) / softcap) / temperature     never stored
 *     lse[i]  = log sum_j exp z[i,j]
 *     ce[i]   = (1 - a) * w[y] * (lse[i] - z[i,y]) + a/V * sum_j w[j] * (lse[i] - z[i,j])
 *     loss[i] = t[i] * (ce[i] + lambda * lse[i]^2)
 *
 * with a the label smoothing, w the class weights (1 if absent), t the token weights (1 if absent),
 * lambda the z-loss and y = y[i]. Without softcap, z = (E[i] . C[j] + b[j]) / temperature.
 * Sums, softmax and lse are computed in float32 or better, whatever the dtype of E and C.
 *
 * Positions. E has B*T rows, y has B*T entries. With shift k, position (b, t) predicts y[b, t+k]; so
 * there are R = B*(T-k) predicted positions, numbered r = b*(T-k) + t. A plain batch of N rows is
 * B = 1, T = N, k = 0. Every per-position result below has R entries in that order.
 *
 * Rules of every function:
 *   - It returns a status; CCE_OK is 0. cce_last_error() has the words, with the values, per thread.
 *   - Pointers marked [device] are in the memory of problem->device; on CCE_CPU that is host memory.
 *   - struct_size is sizeof the struct as the caller compiled it; later versions only append fields.
 *   - Compute functions allocate nothing and do not wait for the device. On CUDA they put their work
 *     on `stream` (a cudaStream_t, NULL for the default stream), can be captured in a CUDA graph, and
 *     buffers must live until the stream has passed them. On the CPU they return when the work is done.
 *   - The same inputs on the same device give the same bits, with any number of threads.
 *   - Inputs and outputs must not overlap. All arrays are dense and row-major.
 */
#ifndef CCE_H
#define CCE_H

#include <stdint.h>

#if defined(CCE_BUILD)
#define CCE_API __attribute__((visibility("default")))
#else
#define CCE_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- version and status ------------------------------------------------------------------------- */

/* The version of this header. cce_version() returns the library's; the two must agree in MAJOR and
 * the library's MINOR must not be lower. */
#define CCE_VERSION_MAJOR 0
#define CCE_VERSION_MINOR 1
#define CCE_VERSION_PATCH 0

/* Status of a call. */
#define CCE_OK 0
#define CCE_ERROR_INVALID_ARGUMENT 1 /* an argument is out of its range; nothing was done */
#define CCE_ERROR_TARGET 2           /* a target is neither in [0, V) nor the ignore index */
#define CCE_ERROR_OUT_OF_MEMORY 3    /* the device has not that much memory left */
#define CCE_ERROR_BUFFER_TOO_SMALL 4 /* a state or workspace buffer is smaller than its *_bytes function says */
#define CCE_ERROR_NO_DEVICE 5        /* no such device, or this library was built without CUDA */
#define CCE_ERROR_CUDA 6             /* the CUDA runtime or driver failed; the message has its words */
#define CCE_ERROR_STATE 7            /* the state does not belong to this problem, or was never filled */

/* MAJOR * 1000000 + MINOR * 1000 + PATCH of the library. */
CCE_API int32_t cce_version(void);

/* Copies the message of this thread's last failed call, UTF-8 with a final NUL, cut to `capacity`
 * bytes. Returns the message's full length in bytes without the NUL; 0 if no call of this thread has
 * failed. `buffer` may be NULL if `capacity` is 0. */
CCE_API int64_t cce_last_error(void *buffer, int64_t capacity);

/* ---- devices ------------------------------------------------------------------------------------ */

/* The CPU's device number; CUDA devices are 0, 1, ... as the CUDA runtime counts them. */
#define CCE_CPU (-1)

typedef struct cce_device_properties {
    int64_t struct_size;
    int64_t total_memory;      /* bytes */
    int64_t free_memory;       /* bytes free now */
    int32_t compute_major;     /* CUDA compute capability; 0 on the CPU */
    int32_t compute_minor;
    int32_t multiprocessors;   /* CUDA multiprocessors; on the CPU the processors this process may use */
    int32_t driver_version;    /* CUDA driver, 1000 * major + 10 * minor; 0 on the CPU */
} cce_device_properties;

/* What cce_device_text() can tell. */
#define CCE_TEXT_NAME 0     /* the processor's or GPU's name */
#define CCE_TEXT_KERNELS 1  /* the kernel family that is tried first: "amx", "avx512", "avx2", "neon", "generic";
                               "cuda-sm90", "cuda-sm80", "cuda-plain" */
#define CCE_TEXT_FEATURES 2 /* instruction sets in use on the CPU, compute capability on CUDA */

/* Number of CUDA devices; 0 without a GPU, without a driver, or in a library built without CUDA. Never fails. */
CCE_API int32_t cce_cuda_device_count(void);

/* Fills `properties`, whose struct_size must be set. CCE_ERROR_NO_DEVICE if there is no such device. */
CCE_API int32_t cce_device_query(int32_t device, cce_device_properties *properties);

/* Copies a text about a device (CCE_TEXT_*), UTF-8 with a final NUL, cut to `capacity` bytes. */
CCE_API int32_t cce_device_text(int32_t device, int32_t what, void *buffer, int64_t capacity);

/* Waits until all work on a device is done, on every stream and whoever put it there. Nothing to do on the CPU. */
CCE_API int32_t cce_device_synchronize(int32_t device);

/* Threads that CPU kernels use. By default the environment variable CCE_NUM_THREADS, else the
 * processors this process may use. `threads` must be in [1, 1024]. Results do not depend on it. */
CCE_API int32_t cce_cpu_set_threads(int32_t threads);
CCE_API int32_t cce_cpu_threads(void);

/* ---- memory ------------------------------------------------------------------------------------- */

typedef struct cce_memory_usage {
    int64_t struct_size;
    int64_t live_bytes;        /* allocated through cce_allocate and not yet freed */
    int64_t peak_bytes;        /* the most live_bytes since start or cce_memory_reset_peak */
    int64_t live_allocations;
    int64_t total_allocations; /* since start */
} cce_memory_usage;

/* Allocates `bytes` >= 0 of device memory, aligned to at least 256 bytes, contents undefined. On CUDA the
 * allocation is ordered on `stream`. `*pointer` is never NULL on success, 0 bytes included.
 * CCE_ERROR_OUT_OF_MEMORY says how much was asked for and how much is free. */
CCE_API int32_t cce_allocate(int32_t device, int64_t bytes, void *stream, void **pointer);

/* Frees what cce_allocate gave on the same device; NULL is allowed. On CUDA the memory is reused only by
 * work that comes after this point of `stream`. CCE_ERROR_INVALID_ARGUMENT for any other pointer. */
CCE_API int32_t cce_free(int32_t device, void *pointer, void *stream);

/* Directions of cce_copy. */
#define CCE_COPY_HOST_TO_DEVICE 0
#define CCE_COPY_DEVICE_TO_HOST 1
#define CCE_COPY_DEVICE_TO_DEVICE 2

/* Copies `bytes` on `device` in the order of `stream`. If a side is host memory, returns when the copy is
 * complete; otherwise it does not wait. On the CPU all directions are the same plain copy. */
CCE_API int32_t cce_copy(int32_t device, int32_t direction, void *destination, const void *source, int64_t bytes,
                         void *stream);

/* Sets `bytes` bytes at `pointer` [device] to the low 8 bits of `value`, in the order of `stream`. */
CCE_API int32_t cce_fill(int32_t device, void *pointer, int32_t value, int64_t bytes, void *stream);

/* Checks that [pointer, pointer + bytes) is device memory of `device`, whoever allocated it. Only CUDA can
 * tell; on the CPU only NULL is refused. CCE_ERROR_INVALID_ARGUMENT says what the pointer is instead. */
CCE_API int32_t cce_check_pointer(int32_t device, const void *pointer, int64_t bytes);

/* Memory that cce_allocate handed out on a device, exact to the byte asked for. */
CCE_API int32_t cce_memory_query(int32_t device, cce_memory_usage *usage);
CCE_API int32_t cce_memory_reset_peak(int32_t device);

/* ---- streams and events ------------------------------------------------------------------------- */

/* On the CPU work is done when a call returns: its only stream is NULL, and an event is a clock reading. */
CCE_API int32_t cce_stream_create(int32_t device, void **stream);
CCE_API int32_t cce_stream_destroy(int32_t device, void *stream);
/* Waits until all work put on `stream` so far is done. */
CCE_API int32_t cce_stream_synchronize(int32_t device, void *stream);

CCE_API int32_t cce_event_create(int32_t device, void **event);
CCE_API int32_t cce_event_destroy(int32_t device, void *event);
CCE_API int32_t cce_event_record(int32_t device, void *event, void *stream);
CCE_API int32_t cce_event_synchronize(int32_t device, void *event);
/* Makes work put on `stream` from now on wait for `event`. */
CCE_API int32_t cce_event_wait(int32_t device, void *event, void *stream);
/* Milliseconds between two recorded and completed events. */
CCE_API int32_t cce_event_elapsed(int32_t device, void *start, void *end, float *milliseconds);

/* ---- the problem -------------------------------------------------------------------------------- */

/* Data types of arrays. */
#define CCE_F32 0
#define CCE_F16 1
#define CCE_BF16 2
#define CCE_I32 3
#define CCE_I64 4

/* Reductions, as torch.nn.functional.cross_entropy. The mean divides by the sum over valid positions of
 * t[i] * w[y[i]]; if that is 0, the loss is 0 and so are its gradients (what comes in through grad_lse stays). */
#define CCE_REDUCTION_NONE 0
#define CCE_REDUCTION_MEAN 1
#define CCE_REDUCTION_SUM 2

/* Gradients, a mask. */
#define CCE_GRADIENT_EMBEDDINGS 1
#define CCE_GRADIENT_CLASSIFIER 2
#define CCE_GRADIENT_BIAS 4

/* Filter thresholds (section 4.3). In backward, a softmax entry p[i,j] < eps with j != y[i] counts as 0 in
 * the gradient; what label smoothing and the target contribute is never dropped. Where dropping it would save nothing
 * such an entry may be kept: where a softmax is flat over a few classes, CUDA leaves out the others and computes those
 * as if there were no filter; where it is flat over many, all of them, and the report says that this was exact. AUTO
 * is 2^-16 for bf16 and fp16 and 2^-28 for fp32: the paper's 2^-12 keeps whole tiles with every entry above it, and
 * entries alone would be less accurate. NONE is exact. */
#define CCE_FILTER_NONE 0.0
#define CCE_FILTER_AUTO (-1.0)

/* TF32. With allow_tf32, cce_forward and cce_log_sum_exp may round each factor of the products E[i] . C[j] of float32
 * inputs to TF32, that is to 11 significant bits, for the tensor cores; sums stay float32. CUDA does so from compute
 * capability 8.0 on where every row of E and C begins at a multiple of 16 bytes; the CPU never does. It moves a dot
 * product by at most 2^-10 * sum_d |E[i,d] C[j,d]|, as a rule by about 2^-12 * sqrt(sum_d (E[i,d] C[j,d])^2), and an
 * lse by no more than the most that it moves a logit of its position. What follows from either, loss, argmax and
 * entropy, follows from the moved ones. Logits of targets and all of backward are computed without it, backward from
 * the lse that it is given; an lse that comes out below the target's logit counts as that in the loss. */

/* Kept logits. Exact gradients compute every logit twice, in forward and in backward. With kept_logits_bytes > 0 the
 * state may take up to so many bytes more, and cce_forward keeps in them the logits of as many of the first classes as
 * there is room for, about 2.03 bytes a position and class: cce_backward then takes those in place of computing them
 * again. A logit is kept as how far it lies below the largest of its position among 192 neighbouring classes. Without a
 * softcap a probability is then off by at most 2^-12 of itself, besides what float32 does, and counts as 0 below e^-32
 * of that largest one's; with a softcap it is off by at most softcap / temperature * 2^-16 of itself, besides what
 * float32 does, and dz/dx by 2^-15 / temperature. A logit of +infinity makes the gradients of all those 192 logits NaN,
 * and not its own alone. Everything else stays as it is, and so do loss and lse; the workspace of cce_backward may grow
 * by an eighth of what is kept. Only CUDA keeps any, on compute capability 9.0, for bf16 with D a multiple of 8, with
 * gradients announced and both filters NONE, without label smoothing, and with softcap / temperature <= 64; elsewhere
 * the state takes nothing for them. The state has room, but cce_forward leaves it empty and cce_backward computes all
 * logits, where argmax or entropy is asked for or E or C is not aligned to 16 bytes, after cce_make_state, and where dE
 * or dC is not aligned to 16 bytes. */

/* All that shapes and options say; no pointers. Zero the struct, set struct_size, then the rest. */
typedef struct cce_problem {
    int64_t struct_size;
    int64_t batch;             /* B >= 0 */
    int64_t time;              /* T >= 0 */
    int64_t classes;           /* V >= 1 */
    int64_t hidden;            /* D >= 1 */
    int64_t shift;             /* k in [0, T] */
    int64_t ignore_index;      /* targets of this value are no position at all: loss, lse and gradients are 0 */
    double softcap;            /* > 0, or 0 for none */
    double temperature;        /* > 0 */
    double label_smoothing;    /* in [0, 1] */
    double z_loss;             /* lambda, finite and >= 0 */
    double filter_embeddings;  /* eps in [0, 1) for dE, or CCE_FILTER_AUTO */
    double filter_classifier;  /* eps in [0, 1) for dC and db, or CCE_FILTER_AUTO */
    double max_dropped_mass;   /* > 0: backward is exact where the mean dropped softmax mass exceeds it; 0: no limit */
    int32_t device;            /* CCE_CPU or a CUDA device */
    int32_t dtype;             /* of E and C: CCE_F32, CCE_F16 or CCE_BF16 */
    int32_t bias_dtype;        /* of b: dtype or CCE_F32; ignored without a bias */
    int32_t target_dtype;      /* of y: CCE_I32 or CCE_I64 */
    int32_t reduction;         /* CCE_REDUCTION_* */
    int32_t gradients;         /* mask of CCE_GRADIENT_* that backward may be asked for; 0: forward alone */
    int32_t allow_tf32;        /* 0 or 1: whether E . C of float32 may be rounded to TF32, see above; else ignored */
    int64_t kept_logits_bytes; /* >= 0: what the state may take for kept logits, see above; speed alone */
} cce_problem;

/* What is read, all [device]. NULL means absent where that is allowed. */
typedef struct cce_inputs {
    int64_t struct_size;
    const void *embeddings;    /* E (B, T, D), dtype */
    const void *classifier;    /* C (V, D), dtype */
    const void *bias;          /* b (V), bias_dtype; may be NULL */
    const void *targets;       /* y (B, T), target_dtype */
    const void *class_weights; /* w (V), float32, finite and >= 0; may be NULL */
    const void *token_weights; /* t (B, T), float32, finite and >= 0, placed as the targets: the entry at (b, t+k)
                                  weighs position (b, t); may be NULL */
} cce_inputs;

/* What forward writes, all [device]. Ignored positions get 0 (argmax -1). */
typedef struct cce_outputs {
    int64_t struct_size;
    void *loss;                /* float32, 1 entry for mean and sum, R for none */
    void *lse;                 /* float32 (R); may be NULL */
    void *target_logit;        /* z[i, y[i]], float32 (R); may be NULL */
    void *argmax;              /* argmax_j z[i,j], the lowest j of equals, int64 (R); may be NULL */
    void *entropy;             /* -sum_j p log p in nats, float32 (R); may be NULL */
} cce_outputs;

/* Entries of the filter report, float32: softmax mass below the threshold, which the filter dropped at the most, per
 * valid position. It is known to about 1e-6, so that a smaller max_dropped_mass is a matter of rounding. All 0 where
 * nothing was computed: no valid position, or a mean that divides by 0 and no grad_lse. */
#define CCE_REPORT_EMBEDDINGS_MEAN 0
#define CCE_REPORT_EMBEDDINGS_WORST 1
#define CCE_REPORT_CLASSIFIER_MEAN 2
#define CCE_REPORT_CLASSIFIER_WORST 3
#define CCE_REPORT_EMBEDDINGS_EXACT 4 /* 1 if dE was computed exactly, because of max_dropped_mass or because so much is
                                         kept that dropping saves nothing (the dropped mass is then 0), else 0 */
#define CCE_REPORT_CLASSIFIER_EXACT 5 /* the same for dC and db */
#define CCE_REPORT_LENGTH 8           /* floats to provide; the rest is reserved and written as 0 */

/* What backward reads and writes, all [device]. The gradients are those of
 *     sum_i grad_loss[i] * loss[i] + sum_i grad_lse[i] * lse[i]          (reduction none)
 *     grad_loss[0] * loss      + sum_i grad_lse[i] * lse[i]              (mean, sum)  */
typedef struct cce_gradients {
    int64_t struct_size;
    const void *grad_loss;     /* float32, shaped as the loss; NULL: ones */
    const void *grad_lse;      /* float32 (R); NULL: zeros */
    void *embeddings;          /* dE (B, T, D); NULL: not wanted */
    void *classifier;          /* dC (V, D); NULL: not wanted */
    void *bias;                /* db (V); NULL: not wanted */
    void *filter_report;       /* float32 (CCE_REPORT_LENGTH); may be NULL */
    int32_t embeddings_dtype;  /* of dE: dtype or CCE_F32 */
    int32_t classifier_dtype;  /* of dC: dtype or CCE_F32 */
    int32_t bias_dtype;        /* of db: the bias's dtype or CCE_F32 */
    int32_t accumulate;        /* mask of CCE_GRADIENT_*: add into the buffer in place of overwriting it */
} cce_gradients;

/* ---- compute ------------------------------------------------------------------------------------ */

/* Bytes of the state: what backward needs of forward. Lives from cce_forward (or cce_make_state) to
 * cce_backward; aligned to 256 bytes. Depends on the problem alone. With a filter, 16-bit inputs and at most
 * 196,608 classes it has room, on compute capability 9.0, for the logits that the filter may keep: about 2.6 KB a
 * position. */
CCE_API int32_t cce_state_bytes(const cce_problem *problem, int64_t *bytes);

/* Passes, a mask for cce_workspace_bytes. */
#define CCE_PASS_FORWARD 1  /* cce_forward, cce_log_sum_exp, cce_indexed_dot, cce_make_state */
#define CCE_PASS_BACKWARD 2 /* cce_backward */

/* Bytes of the workspace: scratch of one call, aligned to 256 bytes, free for other use after it (on CUDA:
 * for work that comes later on the same stream). Depends on the problem, and on the CPU on
 * cce_cpu_threads(). `passes` gives the larger of several. */
CCE_API int32_t cce_workspace_bytes(const cce_problem *problem, int32_t passes, int64_t *bytes);

/* Primitive 1 (section 4.1): target_logit[i] = z[i, y[i]], float32 (R) [device]. 0 where ignored. */
CCE_API int32_t cce_indexed_dot(const cce_problem *problem, const cce_inputs *inputs, void *target_logit,
                                void *workspace, int64_t workspace_bytes, void *stream);

/* Primitive 2 (section 4.2): lse[i] = log sum_j exp z[i,j], float32 (R) [device]. 0 where ignored; with
 * inputs->targets NULL no position is ignored. */
CCE_API int32_t cce_log_sum_exp(const cce_problem *problem, const cce_inputs *inputs, void *lse, void *workspace,
                                int64_t workspace_bytes, void *stream);

/* Fills `state` from an lse (R) [device] that came from elsewhere, from cce_log_sum_exp or, say, merged over
 * shards of the vocabulary, so that backward can follow. */
CCE_API int32_t cce_make_state(const cce_problem *problem, const cce_inputs *inputs, const void *lse, void *state,
                               int64_t state_bytes, void *workspace, int64_t workspace_bytes, void *stream);

/* The loss: primitives 1 and 2 together with all options, and the state for backward. A target that is out of
 * range makes the loss NaN, its position counts as ignored elsewhere, and it is reported with its position and value:
 * on the CPU by this call's status, on CUDA by cce_check. No memory out of bounds is ever read. */
CCE_API int32_t cce_forward(const cce_problem *problem, const cce_inputs *inputs, const cce_outputs *outputs,
                            void *state, int64_t state_bytes, void *workspace, int64_t workspace_bytes, void *stream);

/* Primitive 3 (section 4.3): the gradients, from the state that cce_forward or cce_make_state left for the
 * same problem and inputs. What is not asked for costs nothing. The state is not changed: backward may run again. */
CCE_API int32_t cce_backward(const cce_problem *problem, const cce_inputs *inputs, const cce_gradients *gradients,
                             const void *state, int64_t state_bytes, void *workspace, int64_t workspace_bytes,
                             void *stream);

/* Waits for `stream` and says what the device found out about the inputs: CCE_ERROR_TARGET, with the first
 * position and value, or CCE_OK. Copies the number of valid positions to `*valid` unless that is NULL. */
CCE_API int32_t cce_check(const cce_problem *problem, const void *state, int64_t state_bytes, int64_t *valid,
                          void *stream);

#ifdef __cplusplus
}
#endif

#endif
