-- Rules of the gate that began to change commands.
SELECT rule, hard, sum(count)::BIGINT AS count, count(DISTINCT bag)::BIGINT AS runs
FROM overrides
GROUP BY rule, hard

-- merge
SELECT rule, hard, sum(count)::BIGINT AS count, sum(runs)::BIGINT AS runs
FROM partial
GROUP BY rule, hard
ORDER BY count DESC, rule, hard
