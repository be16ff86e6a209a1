-- What people did.
SELECT what, role, counts, count(*)::BIGINT AS count, sum(duration_ms)::BIGINT AS duration_ms
FROM interventions
GROUP BY what, role, counts

-- merge
SELECT what, role, counts, sum(count)::BIGINT AS count, sum(duration_ms)::BIGINT / 1e3 AS seconds
FROM partial
GROUP BY what, role, counts
ORDER BY count DESC, what, role, counts
