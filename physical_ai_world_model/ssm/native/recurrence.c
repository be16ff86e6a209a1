/* One step of the selective state space for a batch of agents: what ssm/recurrence.py states, in single precision.
 *
 * Sizes come from the compiler's command line, so that every loop has a fixed count:
 *   FEATURES, WIDTH, INNER, STATE, RANK, LAYERS, PROJECTED (B, C, rank, padded), FEATURE_LIMIT, ELAPSED_LIMIT.
 * Weights lie as ssm/packing.py says: matrices transposed, so that one input's weights to all outputs are neighbours.
 * Vectors are the compiler's own (GCC and Clang, any processor). No -ffast-math: rounding tricks and NaN must hold.
 */
#include <math.h>
#include <stdint.h>

#if defined(__AVX512F__) && WIDTH % 16 == 0 && INNER % 16 == 0 && STATE % 16 == 0
#define LANES 16
#define LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#define WIDE 4 /* vectors that four agents keep in registers at once */
#elif defined(__AVX__) && WIDTH % 8 == 0 && INNER % 8 == 0 && STATE % 8 == 0
#define LANES 8
#define LOW 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH 4, 12, 5, 13, 6, 14, 7, 15
#define WIDE 2
#elif WIDTH % 4 == 0 && INNER % 4 == 0 && STATE % 4 == 0
#define LANES 4
#define LOW 0, 4, 1, 5
#define HIGH 2, 6, 3, 7
#if defined(__aarch64__)
#define WIDE 4
#else
#define WIDE 2
#endif
#else
#error "width, inner and state must be multiples of 4"
#endif
#if LANES > 4
#include <immintrin.h>
#endif
#define AGENTS 4 /* agents that share one pass over the weights */

typedef float vf __attribute__((vector_size(4 * LANES)));
typedef int32_t vi __attribute__((vector_size(4 * LANES)));
typedef float loose __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
#define INLINE static inline __attribute__((always_inline))
#define ALIGNED __attribute__((aligned(64)))
#define UNROLL _Pragma("GCC unroll 16")
#if defined(__clang__)
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (vi){__VA_ARGS__})
#endif

/* The layout of ssm/packing.py. */
struct block {
    float norm_weight[WIDTH], norm_bias[WIDTH], in_proj[WIDTH * 2 * INNER], x_proj[INNER * PROJECTED];
    float dt_proj[RANK * INNER], dt_bias[INNER], decay[INNER], decay_inverse[INNER], skip[INNER];
    float out_proj[INNER * WIDTH];
} ALIGNED;
struct weights {
    float embed[FEATURES * WIDTH], embed_bias[WIDTH];
    struct block blocks[LAYERS];
    float norm_weight[WIDTH], norm_bias[WIDTH];
} ALIGNED;
struct call {
    const struct weights *weights;
    const float *features, *elapsed_s;
    float *state, *hidden;
    int64_t agents;
};

INLINE vf load(const float *p) { return *(const loose *)p; }
INLINE void keep(float *p, vf v) { *(loose *)p = v; }
INLINE vf all(float x) { return x - (vf){}; }
/* The larger and the smaller of the two; NaN in x stays NaN. */
#if LANES == 16
INLINE vf least(float bound, vf x) { return (vf)_mm512_max_ps((__m512)all(bound), (__m512)x); }
INLINE vf most(float bound, vf x) { return (vf)_mm512_min_ps((__m512)all(bound), (__m512)x); }
#elif LANES == 8
INLINE vf least(float bound, vf x) { return (vf)_mm256_max_ps((__m256)all(bound), (__m256)x); }
INLINE vf most(float bound, vf x) { return (vf)_mm256_min_ps((__m256)all(bound), (__m256)x); }
#else
INLINE vf pick(vi mask, vf a, vf b) { return (vf)((mask & (vi)a) | (~mask & (vi)b)); }
INLINE vf least(float bound, vf x) { return pick(x < all(bound), all(bound), x); }
INLINE vf most(float bound, vf x) { return pick(x > all(bound), all(bound), x); }
#endif

/* Sum over the lanes, in every lane. */
INLINE vf total(vf v)
{
    for (int width = LANES; width > 1; width /= 2)
        v = SHUFFLE(v, v, LOW) + SHUFFLE(v, v, HIGH);
    return v;
}

/* exp(x) - 1 = 2^n (e^r - 1) + (2^n - 1), |r| <= ln 2 / 2: accurate relative to itself however small x is.
 * Also exp(x) where `whole` is not null. Below -87 and above 88 as there. NaN stays NaN. */
INLINE vf expm1_of(vf x, vf *whole)
{
    const vf magic = all(12582912.0f); /* 1.5 * 2^23: adding it rounds to a whole number in the low bits */
    x = most(88.0f, least(-87.0f, x));
    vf shifted = x * 1.44269504f + magic;
    vf n = shifted - magic;
    vf r = (x - n * 0.693145752f) - n * 1.42860677e-6f;
    vf p = all(1.0f / 5040);
    p = p * r + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * (r * r) + r;
    vf power = (vf)(((vi)shifted - (vi)magic + 127) << 23);
    if (whole)
        *whole = power * p + power;
    return power * p + (power - 1.0f);
}

INLINE vf silu(vf x)
{
    vf e;
    expm1_of(-x, &e);
    return x / (1.0f + e);
}

/* max(x, 0) + log(1 + e), e = exp(-|x|): the logarithm as 2 artanh(s), s = e / (2 + e) <= 1/3, by its series. */
INLINE vf softplus(vf x)
{
    vf e, positive = least(0.0f, x);
    expm1_of(x - 2.0f * positive, &e);
    vf s = e / (2.0f + e), q = s * s, p = all(2.0f / 15);
    p = p * q + 2.0f / 13;
    p = p * q + 2.0f / 11;
    p = p * q + 2.0f / 9;
    p = p * q + 2.0f / 7;
    p = p * q + 2.0f / 5;
    p = p * q + 2.0f / 3;
    p = p * q + 2.0f;
    return positive + p * s;
}

/* out[a] = start + x + a * WIDTH W, or added to what is there, for `agents` rows. `wanted` vectors of outputs (one where that does
 * not divide them) stay in registers, in `chains` sums that do not wait for each other. */
INLINE void product(const float *w, int inputs, int outputs, const float *start, const float *x, int row, float *out,
                    int out_row, int agents, int wanted, int chains)
{
    const int vectors = outputs % (wanted * LANES) ? 1 : wanted;
    for (int m = 0; m < outputs; m += vectors * LANES) {
        vf sum[AGENTS][16];
        UNROLL for (int a = 0; a < agents; a++)
            UNROLL for (int v = 0; v < vectors; v++) {
                sum[a][v] = start ? load(start + m + v * LANES) : load(out + a * out_row + m + v * LANES);
                UNROLL for (int c = 1; c < chains; c++) sum[a][c * vectors + v] = (vf){};
            }
        for (int k = 0; k < inputs; k += chains)
            UNROLL for (int c = 0; c < chains; c++)
                UNROLL for (int v = 0; v < vectors; v++) {
                    vf weight = load(w + (k + c) * outputs + m + v * LANES);
                    UNROLL for (int a = 0; a < agents; a++)
                        sum[a][c * vectors + v] += weight * all(x[a * row + k + c]);
                }
        UNROLL for (int a = 0; a < agents; a++)
            UNROLL for (int v = 0; v < vectors; v++) {
                UNROLL for (int c = 1; c < chains; c++) sum[a][v] += sum[a][c * vectors + v];
                keep(out + a * out_row + m + v * LANES, sum[a][v]);
            }
    }
}

INLINE void normalise(const float *x, const float *weight, const float *bias, float *out)
{
    vf sum = (vf){}, square = (vf){};
    for (int k = 0; k < WIDTH; k += LANES) sum += load(x + k);
    vf mean = total(sum) * (1.0f / WIDTH);
    for (int k = 0; k < WIDTH; k += LANES) {
        vf away = load(x + k) - mean;
        square += away * away;
    }
    vf scale = all(1.0f / sqrtf(total(square)[0] * (1.0f / WIDTH) + 1e-5f));
    for (int k = 0; k < WIDTH; k += LANES) keep(out + k, (load(x + k) - mean) * scale * load(weight + k) + load(bias + k));
}

/* One agent, one layer: the state, and what is read from it, in place of u. `drive` holds u and silu(z). Three short
 * loops rather than one long: the processor then works on many channels at once. */
INLINE void scan(const struct block *w, float elapsed_s, float *drive, const float *projected, float *state)
{
    const float *b = projected, *c = projected + STATE, *q = projected + 2 * STATE;
    float step[INNER] ALIGNED, decay[INNER] ALIGNED, input[INNER] ALIGNED;
    for (int k = 0; k < INNER; k += LANES) {
        vf sum = load(w->dt_bias + k);
        UNROLL for (int r = 0; r < RANK; r++) sum += q[r] * load(w->dt_proj + r * INNER + k);
        keep(step + k, softplus(sum) * (elapsed_s * load(w->decay + k)));
    }
    for (int k = 0; k < INNER; k += LANES) {
        vf g, less = expm1_of(load(step + k), &g);
        keep(decay + k, g);
        keep(input + k, less * load(w->decay_inverse + k) * load(drive + k));
    }
    for (int k = 0; k < INNER; k += LANES) {
        vf read[LANES];
        float *s = state + k * STATE;
        UNROLL for (int i = 0; i < LANES; i++) {
            read[i] = (vf){};
            UNROLL for (int j = 0; j < STATE; j += LANES) {
                vf next = load(s + i * STATE + j) * decay[k + i] + load(b + j) * input[k + i];
                keep(s + i * STATE + j, next);
                read[i] += next * load(c + j);
            }
        }
        UNROLL for (int half = LANES / 2; half > 0; half /= 2) /* fold: lane i of read[0] becomes the sum of read[i] */
            UNROLL for (int i = 0; i < half; i++)
                read[i] = SHUFFLE(read[i], read[i + half], LOW) + SHUFFLE(read[i], read[i + half], HIGH);
        keep(drive + k, (read[0] + load(w->skip + k) * load(drive + k)) * load(drive + INNER + k));
    }
}

/* `agents` (1 or AGENTS) rows; a refused one runs on zeros for no time, which leaves its state, and hears NaN. */
INLINE int64_t rows(const struct call *call, int64_t first, int agents)
{
    const struct weights *w = call->weights;
    float seen[AGENTS * FEATURES] ALIGNED, elapsed_s[AGENTS], x[AGENTS * WIDTH] ALIGNED, normal[AGENTS * WIDTH] ALIGNED;
    float drive[AGENTS * 2 * INNER] ALIGNED, projected[AGENTS * PROJECTED] ALIGNED;
    const float zeros[2 * INNER + PROJECTED] ALIGNED = {0};
    int refused[AGENTS], count = 0;
    const int vectors = agents > 1 ? WIDE : LANES == 16 ? 4 : 8, chains = agents > 1 ? 1 : 2;
    for (int a = 0; a < agents; a++) {
        const float *f = call->features + (first + a) * FEATURES;
        float t = call->elapsed_s[first + a];
        int good = t >= 0.0f && t <= ELAPSED_LIMIT;
        for (int k = 0; k < FEATURES; k++) good &= fabsf(f[k]) <= FEATURE_LIMIT;
        for (int k = 0; k < FEATURES; k++) seen[a * FEATURES + k] = good ? f[k] : 0.0f;
        elapsed_s[a] = good ? t : 0.0f;
        count += refused[a] = !good;
    }
    product(w->embed, FEATURES, WIDTH, w->embed_bias, seen, FEATURES, x, WIDTH, agents, vectors, 1);
    for (int layer = 0; layer < LAYERS; layer++) {
        const struct block *block = w->blocks + layer;
        for (int a = 0; a < agents; a++)
            normalise(x + a * WIDTH, block->norm_weight, block->norm_bias, normal + a * WIDTH);
        product(block->in_proj, WIDTH, 2 * INNER, zeros, normal, WIDTH, drive, 2 * INNER, agents, vectors, chains);
        for (int k = 0; k < agents * 2 * INNER; k += LANES) keep(drive + k, silu(load(drive + k)));
        product(block->x_proj, INNER, PROJECTED, zeros, drive, 2 * INNER, projected, PROJECTED, agents, 3, chains);
        for (int a = 0; a < agents; a++)
            scan(block, elapsed_s[a], drive + a * 2 * INNER, projected + a * PROJECTED,
                 call->state + ((first + a) * LAYERS + layer) * INNER * STATE);
        product(block->out_proj, INNER, WIDTH, 0, drive, 2 * INNER, x, WIDTH, agents, vectors, chains);
    }
    for (int a = 0; a < agents; a++) {
        float *hidden = call->hidden + (first + a) * WIDTH;
        normalise(x + a * WIDTH, w->norm_weight, w->norm_bias, hidden);
        if (refused[a])
            for (int k = 0; k < WIDTH; k++) hidden[k] = NAN;
    }
    return count;
}

/* Advance every agent; how many were refused. */
int64_t recurrence_advance(const struct call *call)
{
    int64_t agent = 0, refused = 0;
    for (; agent + AGENTS <= call->agents; agent += AGENTS) refused += rows(call, agent, AGENTS);
    for (; agent < call->agents; agent++) refused += rows(call, agent, 1);
    return refused;
}

/* Bytes of the weights as this library sees them, to be held against the packer's. */
int64_t recurrence_bytes(void) { return sizeof(struct weights); }
