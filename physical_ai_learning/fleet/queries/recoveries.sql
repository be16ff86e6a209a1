-- How long stops and faults took until the robot moved by itself again, in classes that double.
SELECT greatest(1, ceil(log2(greatest(recovery_ms, 1) / 125.0)))::BIGINT AS class, count(*)::BIGINT AS count
FROM recoveries
GROUP BY class

-- merge
SELECT pow(2, class) * 0.125 AS up_to_s, sum(count)::BIGINT AS count
FROM partial
GROUP BY class
ORDER BY class
