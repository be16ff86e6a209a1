-- Incidents by what began them.
SELECT cause, rule, count(*)::BIGINT AS count, count(DISTINCT bag)::BIGINT AS runs, min(said) AS said, min(said_ja) AS said_ja
FROM incidents
GROUP BY cause, rule

-- merge
SELECT cause, rule, sum(count)::BIGINT AS count, sum(runs)::BIGINT AS runs, min(said) AS said, min(said_ja) AS said_ja
FROM partial
GROUP BY cause, rule
ORDER BY count DESC, cause, rule
