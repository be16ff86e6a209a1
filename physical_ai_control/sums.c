/* What a choice of the way adds up, for a few dozen candidates and everybody near: the same numbers as numpy gives,
 * to the last bit (the same operations in the same order, nothing contracted or reordered), without its arrays
 * between. Each function returns 0, or 1 where it will not answer: what is not finite is left to numpy.
 * Shapes: place (shifts, shares, stages, 2), speed (shares, stages), mean (people, moments, 2). */
#include <math.h>
#include <stdint.h>

#define MOST_STAGES 64
#define PHASES 4

/* In the order of sums.py. */
struct costs {
    double standing_mps, close, touched, later, behind_m, behind_full_m, walking_mps, reaction_s, grows_mps;
    double shares[PHASES], reached[PHASES], rested[PHASES];
};

static inline double larger(double a, double b) { return a > b ? a : b; }
static inline double smaller(double a, double b) { return a < b ? a : b; }
static inline double length(double x, double y) { return sqrt(x * x + y * y); }

static int finite_all(const double *values, int64_t count)
{
    double sum = 0.0;
    for (int64_t i = 0; i < count; i++) sum += values[i] * 0.0;
    return sum == 0.0;
}

/* run, speed (shares, steps + 1) of a run along a table of speeds by arc length. */
int64_t timed(const double *table, int64_t last, double scale, const double *shares, int64_t count, double s_m,
              double v_mps, double top_mps, double harder, double softer, double end_m, double dt_s, int64_t steps,
              double *run, double *speed)
{
    if (!isfinite(s_m + v_mps + top_mps + scale + end_m) || s_m < 0.0 || fabs((s_m + v_mps) * scale) > 1e15) return 1;
    for (int64_t c = 0; c < count; c++) {
        double s = s_m, v = v_mps, cap = shares[c] * top_mps;
        double *at = run + c * (steps + 1), *fast = speed + c * (steps + 1);
        at[0] = s, fast[0] = v;
        for (int64_t k = 1; k <= steps; k++) {
            int64_t place = (int64_t)((s + v * dt_s) * scale);
            double wanted = smaller(smaller(table[place < last ? place : last], cap), harder * (double)(steps - k));
            double faster = larger(0.0, smaller(larger(wanted, v - harder), v + softer));
            s = smaller(s + 0.5 * (v + faster) * dt_s, end_m);
            v = faster;
            at[k] = s, fast[k] = v;
        }
    }
    return 0;
}

/* cost (shifts, shares): passing.closeness. `keep` (people, stages), `contact` (people, reach). */
int64_t closeness(const struct costs *of, const double *place, const double *speed, const double *mean,
                  const double *keep, const double *contact, const double *heed, int64_t shifts, int64_t shares,
                  int64_t stages, int64_t people, int64_t moments, int64_t reach, int64_t rest, double dt_s,
                  double *cost)
{
    if (stages < 2 || stages > MOST_STAGES || moments < stages || reach < stages) return 1;
    if (!finite_all(place, shifts * shares * stages * 2) || !finite_all(mean, people * moments * 2)) return 1;
    double price[stages], x[stages], y[stages];
    double mx[stages], my[stages], ax[stages], ay[stages], most[stages];
    for (int64_t i = 0; i < shifts * shares; i++) cost[i] = 0.0;
    for (int64_t j = 0; j < people; j++) {
        const double *where = mean + j * moments * 2, *kept = keep + j * stages, *touch = contact + j * reach;
        for (int64_t t = 0; t < stages; t++) mx[t] = where[2 * t], my[t] = where[2 * t + 1];
        for (int64_t t = 0; t < stages; t++) {
            int64_t low = t > 0 ? t - 1 : 0, high = t < stages - 1 ? t + 1 : t;
            double over = high - low == 2 ? 2.0 * dt_s : dt_s;
            double vx = (mx[high] - mx[low]) / over, vy = (my[high] - my[low]) / over;
            double walks = larger(length(vx, vy), of->walking_mps);
            ax[t] = vx / walks, ay[t] = vy / walks;
            most[t] = smaller(larger(kept[t] - touch[t], 0.0), of->behind_m);
        }
        for (int64_t c = 0; c < shares; c++) {
            int64_t since = rest + 1; /* stages since it moved */
            for (int64_t t = 0; t < stages; t++) {
                since = speed[c * stages + t] > of->standing_mps ? 0 : since + 1;
                price[t] = since <= rest ? of->close : of->touched;
            }
            for (int64_t o = 0; o < shifts; o++) {
                const double *way = place + (o * shares + c) * stages * 2;
                for (int64_t t = 0; t < stages; t++) x[t] = way[2 * t], y[t] = way[2 * t + 1];
                double now = length(x[0] - mx[0], y[0] - my[0]), deepest = 0.0;
                if (now < touch[0])
                    for (int64_t t = 0; t < stages; t++)
                        deepest = larger(deepest, of->close * larger(0.0, now - length(x[t] - mx[0], y[t] - my[0])));
                double cut[stages];
                for (int64_t t = 0; t < stages; t++) {
                    double dx = x[t] - mx[t], dy = y[t] - my[t];
                    double behind = (mx[t] - x[t]) * ax[t] + (my[t] - y[t]) * ay[t];
                    double share = smaller(larger(behind / of->behind_full_m, 0.0), 1.0);
                    double allowed = smaller(kept[t] - most[t] * share, now);
                    cut[t] = larger(0.0, allowed - length(dx, dy)) * price[t];
                }
                for (int64_t t = 0; t < stages; t++) deepest = larger(deepest, cut[t]);
                double *found = cost + o * shares + c;
                *found = larger(*found, deepest * heed[j]);
            }
        }
    }
    return 0;
}

/* cost (shifts, shares): passing.unsafety without its price. `contact` (people, moments). */
int64_t unsafety(const struct costs *of, const double *place, const double *speed, const double *mean,
                 const double *contact, const double *heed, int64_t shifts, int64_t shares, int64_t stages,
                 int64_t people, int64_t moments, int64_t every, double braking_mps2, double rest_s, double dt_s,
                 double *cost)
{
    if (stages < 2 || stages > MOST_STAGES || moments < 1 || every < 1) return 1;
    if (!finite_all(place, shifts * shares * stages * 2) || !finite_all(mean, people * moments * 2)) return 1;
    const int64_t looks = (stages - 2) / every + 1, count = looks * PHASES;
    const double last = (double)(1 + (looks - 1) * every);
    double way[count], x[count], y[count], after[count], cut[count], counts[looks];
    int64_t at[count];
    for (int64_t i = 0; i < shifts * shares; i++) cost[i] = 0.0;
    for (int64_t c = 0; c < shares; c++) {
        for (int64_t k = 0; k < looks; k++) {
            int64_t stage = 1 + k * every;
            double v = speed[c * stages + stage], stop_s = v / braking_mps2;
            double later = 1.0 - (1.0 - of->later) * (double)stage / last;
            counts[k] = v > of->standing_mps ? later : 0.0;
            for (int64_t n = 0; n < PHASES; n++) {
                int64_t i = k * PHASES + n;
                way[i] = v * (of->reaction_s + 0.5 * stop_s * of->reached[n]);
                after[i] = of->reaction_s + stop_s * of->shares[n] + rest_s * of->rested[n];
                double moment = rint(after[i] / dt_s) + (double)stage;
                if (!(moment >= 0.0)) return 1;
                at[i] = moment < (double)moments ? (int64_t)moment : moments - 1;
                after[i] = of->grows_mps * after[i];
            }
        }
        for (int64_t o = 0; o < shifts; o++) {
            const double *path = place + (o * shares + c) * stages * 2;
            for (int64_t k = 0; k < looks; k++) {
                const double *here = path + 2 * (1 + k * every);
                double dx = here[0] - here[-2], dy = here[1] - here[-1], step = larger(length(dx, dy), 1e-3);
                dx = dx / step, dy = dy / step;
                for (int64_t i = k * PHASES; i < (k + 1) * PHASES; i++)
                    x[i] = here[0] + dx * way[i], y[i] = here[1] + dy * way[i];
            }
            double worst = 0.0;
            for (int64_t j = 0; j < people; j++) {
                const double *where = mean + j * moments * 2, *touch = contact + j * moments;
                const double now = length(place[0] - where[0], place[1] - where[1]);
                for (int64_t i = 0; i < count; i++) {
                    double away = length(x[i] - where[2 * at[i]], y[i] - where[2 * at[i] + 1]);
                    double allowed = smaller(touch[at[i]] + after[i], now);
                    cut[i] = larger(0.0, allowed - away) * counts[i / PHASES];
                }
                double deepest = 0.0;
                for (int64_t i = 0; i < count; i++) deepest = larger(deepest, cut[i]);
                worst = larger(worst, deepest * heed[j]);
            }
            cost[o * shares + c] = worst;
        }
    }
    return 0;
}

/* Distance (count,) and place (count, 2) of the nearest obstacle of points (count, 2). `nearest` (2, height, width):
 * its row and column; `grid`: origin x, y, its rotation row by row, cell size, first column and row, far, nowhere. */
int64_t look(const double *grid, const int32_t *nearest, int64_t height, int64_t width, const double *points,
             int64_t count, double *away, double *obstacle)
{
    const double size = grid[6];
    for (int64_t i = 0; i < count; i++) {
        double px = points[2 * i], py = points[2 * i + 1], dx = px - grid[0], dy = py - grid[1];
        double column = floor((dx * grid[2] + dy * grid[4]) / size) - grid[7];
        double row = floor((dx * grid[3] + dy * grid[5]) / size) - grid[8];
        if (!(column >= 0.0 && row >= 0.0 && column < (double)width && row < (double)height)) {
            away[i] = grid[9], obstacle[2 * i] = obstacle[2 * i + 1] = grid[10];
            continue;
        }
        int64_t cell = (int64_t)row * width + (int64_t)column;
        double x = ((double)nearest[height * width + cell] + grid[7] + 0.5) * size;
        double y = ((double)nearest[cell] + grid[8] + 0.5) * size;
        obstacle[2 * i] = x * grid[2] + y * grid[3] + grid[0];
        obstacle[2 * i + 1] = x * grid[4] + y * grid[5] + grid[1];
        away[i] = hypot(px - obstacle[2 * i], py - obstacle[2 * i + 1]);
    }
    return 0;
}
