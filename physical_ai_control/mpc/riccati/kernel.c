/* One quadratic subproblem of the real-time iteration: a primal-dual interior-point method whose Newton systems are
 * solved by a Riccati recursion over the stages (Rao, Wright, Rawlings 1998), with Mehrotra's predictor and corrector
 * (Mehrotra 1992). The same algorithm, in the same order, is in kernel.py; constants stand above this text.
 *
 * Everything of one kind lies side by side over the stages (index k, padded to K), so that all but the recursion itself
 * is vector code. Iterates obey the linearised dynamics from the start, hence so do directions, and no multipliers of
 * the dynamics are needed. Inequalities are `value(z) = t, t >= 0` with multiplier `lam`; primal residuals and the
 * gradient of the Lagrangian shrink by (1 - step), because both take the same step. Lanes without a constraint hold one
 * that is always fulfilled. Slacks are shared by the rows of a kind and eliminated by hand (a rank-one term). */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HIGH BOUNDED /* places of the inequalities: low and high state bounds, the same of inputs, rows, slacks */
#define U_LOW (2 * BOUNDED)
#define U_HIGH (U_LOW + NU)
#define ROW (U_HIGH + NU)
#define SLACK (ROW + ROWS)
#define HU (HESSIAN - NU)
#define FAR 1e3
#define LOOP _Pragma("omp simd") for (int k = 0; k < K; k++)
#define PART __attribute__((aligned(64)))

struct given {
    double options[8] PART, weights[NX + NU + 5] PART, x0[NX] PART, u_low[NU] PART, u_high[NU] PART;
    double reference[N + 1][NX] PART, x_low[N + 1][NX] PART, x_high[N + 1][NX] PART, guess_x[N + 1][NX] PART;
    double guess_u[N][NU] PART, keep_away[N + 1][ROWS][4] PART;
};

struct answer {
    double info[8] PART, states[N + 1][NX] PART, inputs[N][NU] PART, slack[N + ENDS][2] PART, gains[N][NU][NX] PART;
};

struct memory {
    double lam[COUNT][K] PART, t[COUNT][K] PART, residual[COUNT][K] PART, both[COUNT][K] PART, inverse[COUNT][K] PART;
    double weight[COUNT][K] PART, pull[COUNT][K] PART, bend[COUNT][K] PART, change[COUNT][K] PART, along[COUNT][K] PART;
    double x[NX][K] PART, u[NU][K] PART, base_x[NX][K] PART, base_u[NU][K] PART, ref[NX][K] PART, after[NX][K] PART;
    double d[VARYING][K] PART, away[4][K] PART, live[1][K] PART, g[3 * ROWS][K] PART, gap[ROWS][K] PART;
    double h[HESSIAN][K] PART, cost_h[HESSIAN][K] PART, q[NX + NU][K] PART, dx[NX][K] PART, du[NU][K] PART;
    double slack_pull[2][K] PART, slack_inverse[2][K] PART, slack_row[6][K] PART, gain[K][NU * NX] PART;
    double quu[K][QUU] PART, step[K][NU] PART;
#if ENDS /* of the rows at the end, what they say of the forward speed: slope, Hessian's column, row of the slack */
    double brake[1] PART, brake_g[ROWS] PART, brake_h[4] PART, brake_row[2] PART;
#endif
};

_Static_assert(sizeof(struct given) == 8 * G_END, "given");
_Static_assert(sizeof(struct answer) == 8 * A_END, "answer");
_Static_assert(sizeof(struct memory) == 8 * M_END, "memory");

static inline double larger(double a, double b) { return a > b ? a : b; }

/* Sine and cosine by their series on the nearest quarter turn: 1e-15 for angles up to some thousand turns. */
static inline __attribute__((always_inline)) void turn(double angle, double *sine, double *cosine)
{
    const double n = rint(angle * 0.63661977236758134308);
    const double r = (angle - n * 1.57079632679489655800) - n * 6.12323399573676603587e-17, q = r * r;
    const double s = r + r * q * (-1.0 / 6.0 + q * (1.0 / 120.0 + q * (-1.0 / 5040.0 + q * (1.0 / 362880.0
        + q * (-1.0 / 39916800.0 + q * (1.0 / 6227020800.0 - q * (1.0 / 1307674368000.0)))))));
    const double c = 1.0 + q * (-0.5 + q * (1.0 / 24.0 + q * (-1.0 / 720.0 + q * (1.0 / 40320.0
        + q * (-1.0 / 3628800.0 + q * (1.0 / 479001600.0 + q * (-1.0 / 87178291200.0 + q / 20922789888000.0)))))));
    const double odd = 2.0 * (0.5 * n - floor(0.5 * n)), quarter = 4.0 * (0.25 * n - floor(0.25 * n));
    const double a = odd > 0.5 ? c : s, b = odd > 0.5 ? s : c;
    *sine = quarter > 1.5 ? -a : a;
    *cosine = fabs(quarter - 1.5) < 1.0 ? -b : b;
}

/* --- the stage's functions --- */
static int finite_all(const double *values, int count)
{
    int64_t bad = 0;
    for (int i = 0; i < count; i++) {
        int64_t bits;
        memcpy(&bits, values + i, 8); /* by its bits: the compiler may reorder arithmetic */
        bad |= (bits & 0x7ff0000000000000) == 0x7ff0000000000000;
    }
    return !bad;
}

static int bounds_cross(const struct given *in)
{
    int bad = 0;
    for (int k = 1; k <= N; k++)
        for (int b = 0; b < BOUNDED; b++) bad |= in->x_low[k][bounded[b]] > in->x_high[k][bounded[b]];
    for (int i = 0; i < NU; i++) bad |= in->u_low[i] > in->u_high[i];
    return bad;
}

/* The guess: as given, or the last answer and its multipliers, later by `shift` steps (0 to 1). */
static void guessed(struct given *in, struct memory *m)
{
    const double share = in->options[5], keep = 1.0 - share;
    if (share >= 0.0) {
        for (int i = 0; i < NX; i++) {
            const double last = m->x[i][N] + share * (m->after[i][N] - m->base_x[i][N]);
            for (int k = 0; k < N; k++) m->base_x[i][k] = keep * m->x[i][k] + share * m->x[i][k + 1];
            m->base_x[i][N] = last;
        }
        for (int i = 0; i < NU; i++) {
            for (int k = 0; k < N - 1; k++) m->base_u[i][k] = keep * m->u[i][k] + share * m->u[i][k + 1];
            m->base_u[i][N - 1] = m->u[i][N - 1];
        }
        for (int i = 0; i < COUNT; i++)
            for (int k = 0; k < N; k++) m->lam[i][k] = keep * m->lam[i][k] + share * m->lam[i][k + 1];
        return;
    }
    for (int k = 0; k <= N; k++)
        for (int i = 0; i < NX; i++) m->base_x[i][k] = in->guess_x[k][i];
    for (int k = 0; k < N; k++)
        for (int i = 0; i < NU; i++) m->base_u[i][k] = in->guess_u[k][i];
}

/* Model, Jacobians and distance rows along the guess; Hessian of the cost. */
static void linearised(const struct given *in, struct memory *m)
{
    const double *w = in->weights;
    linearise_stages(m->base_x, m->base_u, m->after, m->d);
#if ENDS
    m->brake[0] = in->options[6];
#endif
    for (int k = 0; k <= N; k++)
        for (int i = 0; i < NX; i++) m->ref[i][k] = in->reference[k][i];
    for (int r = 0; r < ROWS; r++) {
        double row[4 + ENDS][K] PART;
        for (int k = 1; k < N + ENDS; k++) {
            for (int i = 0; i < 4; i++) m->away[i][k] = in->keep_away[k][r][i];
            m->live[0][k] = in->keep_away[k][r][2] > 0.0 ? 1.0 : 0.0; /* else the row is 1 + slack >= 0 */
        }
        row_stages(m->base_x, m->away, row);
#if ENDS
        row_end(m->base_x, m->away, m->brake, row, N);
#endif
        LOOP {
            const double is = m->live[0][k], g0 = is * row[1][k], g1 = is * row[2][k], g2 = is * row[3][k];
            m->gap[r][k] = is * (row[0][k] - 1.0) + 1.0 - g0 * m->base_x[0][k] - g1 * m->base_x[1][k]
                           - g2 * m->base_x[2][k];
            m->g[3 * r][k] = g0, m->g[3 * r + 1][k] = g1, m->g[3 * r + 2][k] = g2;
        }
#if ENDS
        m->brake_g[r] = m->live[0][N] * row[4][N];
        m->gap[r][N] -= m->brake_g[r] * m->base_x[3][N];
#endif
    }
    LOOP {
        double s, c;
        turn(m->ref[2][k], &s, &c);
        const double factor = k == N ? 2.0 * w[NX + NU] : 2.0, ahead = factor * w[0], across = factor * w[1];
        m->cost_h[0][k] = ahead * c * c + across * s * s;
        m->cost_h[1][k] = (ahead - across) * c * s;
        m->cost_h[2][k] = ahead * s * s + across * c * c;
        m->cost_h[3][k] = m->cost_h[4][k] = 0.0;
    }
    for (int i = 2; i < NX + NU; i++) {
        LOOP m->cost_h[diagonal[i]][k] = 2.0 * w[i];
        if (i < NX) m->cost_h[diagonal[i]][N] = 2.0 * w[i] * w[NX + NU];
    }
}

/* Where the iteration begins: the linear model's roll-out of the guess's inputs, and for every inequality the point
 * of the central path `t lam = mu` that is next to its value and its last multiplier. Says the largest residual. */
static double begun(const struct given *in, struct memory *m, double mu, double reach)
{
    double z[NX], worst = 0.0;
    memset(m->step, 0, sizeof m->step);
    memset(m->gain, 0, sizeof m->gain);
    memcpy(m->u, m->base_u, sizeof m->u);
    for (int i = 0; i < NX; i++) m->x[i][0] = in->x0[i], z[i] = in->x0[i] - m->base_x[i][0];
    for (int k = 0; k < N; k++) {
        forward(z, m->d, m->gain, m->step, m->du, k);
        for (int i = 0; i < NX; i++) {
            m->x[i][k + 1] = m->after[i][k] + z[i];
            z[i] = m->x[i][k + 1] - m->base_x[i][k + 1];
        }
    }
    for (int b = 0; b < BOUNDED; b++)
        for (int k = 1; k <= N; k++) {
            const int i = bounded[b];
            m->residual[b][k] = m->x[i][k] - in->x_low[k][i];
            m->residual[HIGH + b][k] = in->x_high[k][i] - m->x[i][k];
        }
    for (int i = 0; i < NU; i++)
        for (int k = 0; k < N; k++) {
            m->residual[U_LOW + i][k] = m->u[i][k] - in->u_low[i];
            m->residual[U_HIGH + i][k] = in->u_high[i] - m->u[i][k];
        }
    for (int b = 0; b < BOUNDED; b++)
        for (int k = 0; k < K; k += k ? 1 : N + 1) m->residual[b][k] = m->residual[HIGH + b][k] = FAR;
    for (int i = U_LOW; i < ROW; i++)
        for (int k = N; k < K; k++) m->residual[i][k] = FAR;
    for (int s = 0; s < 2; s++) {
        const int first = s ? MOVING : 0, last = s ? ROWS : MOVING;
        double *slack = m->t[SLACK + s], *lam = m->lam[SLACK + s], deep[K] PART = {0};
#if ENDS
        for (int r = first; r < last; r++) m->gap[r][N] += m->brake_g[r] * m->x[3][N];
#endif
        for (int r = first; r < last; r++)
            LOOP {
                const double value = m->gap[r][k] + m->g[3 * r][k] * m->x[0][k] + m->g[3 * r + 1][k] * m->x[1][k]
                                     + m->g[3 * r + 2][k] * m->x[2][k];
                m->residual[ROW + r][k] = value;
                deep[k] = larger(deep[k], -value);
            }
        LOOP {
            const double value = deep[k] - reach * lam[k];
            slack[k] = 0.5 * (value + sqrt(value * value + 4.0 * reach * mu));
            lam[k] = mu / slack[k];
            m->residual[SLACK + s][k] = 0.0;
        }
        for (int r = first; r < last; r++)
            LOOP m->residual[ROW + r][k] += slack[k];
    }
    double *lam = m->lam[0], *t = m->t[0], *residual = m->residual[0];
    _Pragma("omp simd reduction(max:worst)")
    for (int i = 0; i < SLACK * K; i++) {
        const double value = residual[i] - reach * lam[i], at = 0.5 * (value + sqrt(value * value + 4.0 * reach * mu));
        t[i] = at;
        lam[i] = mu / at;
        residual[i] -= at;
        worst = larger(worst, fabs(residual[i]));
    }
    return worst;
}

#if ENDS
/* The forward speed's part of the rows at the end: as in `condensed`, for one more column at one stage. */
static void braked(struct memory *m, int s, int with_hessian)
{
    const double inverse = m->slack_inverse[s][N];
    double q = 0.0, a = 0.0, h[4] = {0};
    for (int r = s ? MOVING : 0; r < (s ? ROWS : MOVING); r++) {
        const double g = m->brake_g[r], v = g * m->weight[ROW + r][N];
        q += g * m->pull[ROW + r][N], a += v, h[3] += v * g;
        for (int i = 0; i < 3; i++) h[i] += v * m->g[3 * r + i][N];
    }
    if (with_hessian) {
        m->brake_row[s] = a;
        for (int i = 0; i < 3; i++) m->brake_h[i] += h[i] - m->slack_row[3 * s + i][N] * a * inverse;
        m->brake_h[3] += h[3] - a * a * inverse;
    }
    m->q[3][N] += m->brake_row[s] * m->slack_pull[s][N] * inverse - q;
}
#endif

/* Hessian and gradient with the barrier in them. Where `with_hessian` is not set, only `pull` has changed. */
static inline __attribute__((always_inline)) void condensed(const struct given *in, struct memory *m, int with_hessian)
{
    const double *linear = in->weights + NX + NU + 1, *quadratic = linear + 2;
    LOOP {
        const double e0 = m->x[0][k] - m->ref[0][k], e1 = m->x[1][k] - m->ref[1][k];
        m->q[0][k] = m->cost_h[0][k] * e0 + m->cost_h[1][k] * e1;
        m->q[1][k] = m->cost_h[1][k] * e0 + m->cost_h[2][k] * e1;
    }
    for (int i = 2; i < NX; i++)
        LOOP m->q[i][k] = m->cost_h[diagonal[i]][k] * (m->x[i][k] - m->ref[i][k]);
    for (int i = 0; i < NU; i++)
        LOOP m->q[NX + i][k] = m->cost_h[HU + i][k] * m->u[i][k] - m->pull[U_LOW + i][k] + m->pull[U_HIGH + i][k];
    for (int b = 0; b < BOUNDED; b++)
        LOOP m->q[bounded[b]][k] += m->pull[HIGH + b][k] - m->pull[b][k];
    if (with_hessian) {
        memcpy(m->h, m->cost_h, sizeof m->h);
        for (int b = 0; b < BOUNDED; b++)
            LOOP m->h[diagonal[bounded[b]]][k] += m->weight[b][k] + m->weight[HIGH + b][k];
        for (int i = 0; i < NU; i++)
            LOOP m->h[HU + i][k] += m->weight[U_LOW + i][k] + m->weight[U_HIGH + i][k];
#if ENDS
        memset(m->brake_h, 0, sizeof m->brake_h);
#endif
    }
    for (int s = 0; s < 2; s++) {
        const int first = s ? MOVING : 0, last = s ? ROWS : MOVING;
        const double one = linear[s], two = quadratic[s];
        double (*a)[K] = m->slack_row + 3 * s;
        if (first == last) continue;
        LOOP {
            double pull = m->pull[SLACK + s][k] - one - two * m->t[SLACK + s][k], q0 = 0.0, q1 = 0.0, q2 = 0.0;
            double total = two + m->weight[SLACK + s][k], a0 = 0.0, a1 = 0.0, a2 = 0.0;
            double h0 = 0.0, h1 = 0.0, h2 = 0.0, h3 = 0.0, h4 = 0.0, h5 = 0.0;
            for (int r = first; r < last; r++) {
                const double p = m->pull[ROW + r][k], v = m->weight[ROW + r][k];
                const double g0 = m->g[3 * r][k], g1 = m->g[3 * r + 1][k], g2 = m->g[3 * r + 2][k];
                pull += p, q0 += g0 * p, q1 += g1 * p, q2 += g2 * p;
                if (with_hessian) {
                    const double v0 = v * g0, v1 = v * g1, v2 = v * g2;
                    total += v, a0 += v0, a1 += v1, a2 += v2;
                    h0 += v0 * g0, h1 += v0 * g1, h2 += v1 * g1, h3 += v0 * g2, h4 += v1 * g2, h5 += v2 * g2;
                }
            }
            if (with_hessian) {
                const double inverse = 1.0 / total, b0 = a0 * inverse, b1 = a1 * inverse;
                m->slack_inverse[s][k] = inverse;
                a[0][k] = a0, a[1][k] = a1, a[2][k] = a2;
                m->h[0][k] += h0 - a0 * b0, m->h[1][k] += h1 - a1 * b0, m->h[2][k] += h2 - a1 * b1;
                m->h[3][k] += h3 - a2 * b0, m->h[4][k] += h4 - a2 * b1, m->h[5][k] += h5 - a2 * a2 * inverse;
            }
            const double by = pull * m->slack_inverse[s][k];
            m->slack_pull[s][k] = pull;
            m->q[0][k] += a[0][k] * by - q0, m->q[1][k] += a[1][k] * by - q1, m->q[2][k] += a[2][k] * by - q2;
        }
#if ENDS
        braked(m, s, with_hessian);
#endif
    }
}

static void factored(struct memory *m)
{
    double p[TRIANGLE] = {0};
    for (int i = 0; i < HU; i++) p[packed_at[i]] = m->h[i][N];
#if ENDS
    for (int i = 0; i < 4; i++) p[6 + i] += m->brake_h[i]; /* the column of the forward speed */
#endif
    for (int k = N - 1; k >= 0; k--) factor(p, m->d, m->h, m->gain, m->quu, k);
}

/* The direction for the gradient `q`, and what it does to the value of every inequality. */
static void directed(struct memory *m)
{
    double p[NX], z[NX] = {0};
    for (int i = 0; i < NX; i++) p[i] = m->q[i][N];
    for (int k = N - 1; k >= 0; k--) sweep(p, m->d, m->q, m->gain, m->quu, m->step, k);
    for (int k = 0; k < N; k++) {
        forward(z, m->d, m->gain, m->step, m->du, k);
        for (int i = 0; i < NX; i++) m->dx[i][k + 1] = z[i];
    }
    for (int b = 0; b < BOUNDED; b++)
        LOOP m->change[b][k] = m->dx[bounded[b]][k], m->change[HIGH + b][k] = -m->dx[bounded[b]][k];
    for (int i = 0; i < NU; i++)
        LOOP m->change[U_LOW + i][k] = m->du[i][k], m->change[U_HIGH + i][k] = -m->du[i][k];
    for (int s = 0; s < 2; s++) {
        const int first = s ? MOVING : 0, last = s ? ROWS : MOVING;
        LOOP m->change[SLACK + s][k] = 0.0;
        if (first == last) continue;
        LOOP {
            const double z0 = m->dx[0][k], z1 = m->dx[1][k], z2 = m->dx[2][k];
            const double by = m->slack_inverse[s][k] * (m->slack_pull[s][k] - m->slack_row[3 * s][k] * z0
                              - m->slack_row[3 * s + 1][k] * z1 - m->slack_row[3 * s + 2][k] * z2);
            m->change[SLACK + s][k] = by;
            for (int r = first; r < last; r++)
                m->change[ROW + r][k] = by + m->g[3 * r][k] * z0 + m->g[3 * r + 1][k] * z1 + m->g[3 * r + 2][k] * z2;
        }
#if ENDS
        const double less = -m->slack_inverse[s][N] * m->brake_row[s] * m->dx[3][N];
        m->change[SLACK + s][N] += less;
        for (int r = first; r < last; r++) m->change[ROW + r][N] += less + m->brake_g[r] * m->dx[3][N];
#endif
    }
}

/* One predictor-corrector step; says what is left of the residuals and what `mu` is now. */
static double advanced(const struct given *in, struct memory *m, double *mu)
{
    double *t = m->t[0], *lam = m->lam[0], *residual = m->residual[0], *both = m->both[0], *inverse = m->inverse[0];
    double *weight = m->weight[0], *pull = m->pull[0], *bend = m->bend[0], *change = m->change[0], *along = m->along[0];
    double cross = 0.0, ratio = 0.0, last_ratio = 0.0, sum = 0.0;
    _Pragma("omp simd")
    for (int i = 0; i < COUNT * K; i++) {
        both[i] = 1.0 / (t[i] * lam[i]);
        inverse[i] = both[i] * lam[i];
        weight[i] = lam[i] * inverse[i];
        pull[i] = -weight[i] * residual[i];
    }
    condensed(in, m, 1);
    factored(m);
    directed(m);
    _Pragma("omp simd reduction(max:ratio) reduction(+:cross)")
    for (int i = 0; i < COUNT * K; i++) {
        const double dt = change[i] + residual[i], e = dt * inverse[i];
        bend[i] = -dt * (lam[i] + weight[i] * dt);
        cross += bend[i];
        ratio = larger(ratio, larger(-e, 1.0 + e));
    }
    const double a = 1.0 / larger(ratio, 1.0), part = 1.0 - a + a * a * cross / (COUNT * K * *mu);
    const double centre = part * part * part, target = *mu * (centre > 1.0 ? 1.0 : larger(centre, 1e-4));
    /* A predictor that is cut short says little of the curvature ahead; heeded in full it can lead round in circles
     * (weighted correctors: Colombo and Gondzio 2008). */
    const double heed = sqrt(a);
    _Pragma("omp simd")
    for (int i = 0; i < COUNT * K; i++) {
        bend[i] *= heed;
        pull[i] = (target - bend[i]) * inverse[i] - weight[i] * residual[i];
    }
    condensed(in, m, 0);
    directed(m);
    _Pragma("omp simd reduction(max:last_ratio)")
    for (int i = 0; i < COUNT * K; i++) {
        const double dt = change[i] + residual[i], e = dt * inverse[i], aim = (target - bend[i]) * both[i];
        change[i] = dt;
        along[i] = lam[i] * (aim - 1.0 - e);
        last_ratio = larger(last_ratio, larger(-e, 1.0 + e - aim));
    }
    const double s = last_ratio > 0.995 ? 0.995 / last_ratio : 1.0;
    _Pragma("omp simd reduction(+:sum)")
    for (int i = 0; i < COUNT * K; i++) {
        t[i] += s * change[i];
        lam[i] += s * along[i];
        residual[i] *= 1.0 - s;
        sum += t[i] * lam[i];
    }
    for (int i = 0; i < NX; i++)
        LOOP m->x[i][k] += s * m->dx[i][k];
    for (int i = 0; i < NU; i++)
        LOOP m->u[i][k] += s * m->du[i][k];
    *mu = sum / (COUNT * K);
    return 1.0 - s;
}

static void told(const struct given *in, struct answer *out, const struct memory *m)
{
    const double *linear = in->weights + NX + NU + 1, *quadratic = linear + 2;
    double cost = 0.0;
    _Pragma("omp simd reduction(+:cost)")
    for (int k = 0; k <= N; k++) {
        const double e0 = m->x[0][k] - m->ref[0][k], e1 = m->x[1][k] - m->ref[1][k];
        cost += 0.5 * (m->cost_h[0][k] * e0 * e0 + m->cost_h[2][k] * e1 * e1) + m->cost_h[1][k] * e0 * e1;
    }
    for (int i = 2; i < NX; i++)
        for (int k = 0; k <= N; k++) {
            const double e = m->x[i][k] - m->ref[i][k];
            cost += 0.5 * m->cost_h[diagonal[i]][k] * e * e;
        }
    for (int i = 0; i < NU; i++)
        for (int k = 0; k < N; k++) cost += 0.5 * m->cost_h[HU + i][k] * m->u[i][k] * m->u[i][k];
    for (int s = 0; s < 2; s++)
        for (int k = 0; k < N + ENDS; k++) {
            const double slack = (s ? ROWS - MOVING : MOVING) > 0 ? m->t[SLACK + s][k] : 0.0;
            cost += linear[s] * slack + 0.5 * quadratic[s] * slack * slack;
            out->slack[k][s] = slack;
        }
    double moved = 0.0;
    for (int i = 0; i < NX; i++)
        for (int k = 0; k <= N; k++) moved = larger(moved, fabs(m->x[i][k] - m->base_x[i][k]));
    for (int k = 0; k <= N; k++)
        for (int i = 0; i < NX; i++) out->states[k][i] = m->x[i][k];
    for (int k = 0; k < N; k++) {
        for (int i = 0; i < NU; i++) out->inputs[k][i] = m->u[i][k];
        for (int i = 0; i < NU; i++)
            for (int j = 0; j < NX; j++) out->gains[k][i][j] = m->gain[k][j * NU + i];
    }
    out->info[4] = cost;
    out->info[5] = moved;
}

/* Status: 0 solved, 1 stopped at the most iterations, 2 input not finite or bounds cross, 3 answer not finite. */
int64_t riccati_solve(struct given *in, struct answer *out, struct memory *m)
{
    const int most = (int)in->options[4];
    double mu = in->options[0], left = 1.0;
    int count = 0;
    memset(out->info, 0, sizeof out->info);
    out->info[3] = 2.0;
    if (!finite_all((const double *)in, G_END) || bounds_cross(in)) return 2;
    guessed(in, m);
    linearised(in, m);
    double worst = begun(in, m, mu, in->options[3]);
    while (count < most && (count == 0 || mu > in->options[1] || worst > in->options[2] || left > 1e-2)) {
        const double by = advanced(in, m, &mu);
        worst *= by, left *= by, count++;
    }
    told(in, out, m);
    out->info[0] = count, out->info[1] = mu, out->info[2] = worst;
    out->info[3] = mu > in->options[1] || worst > in->options[2] || left > 1e-2;
    if (!finite_all((const double *)out, A_END)) {
        memset(m, 0, sizeof *m);
        out->info[3] = 3.0;
    }
    return (int64_t)out->info[3];
}
