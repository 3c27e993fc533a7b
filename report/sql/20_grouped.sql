-- Each sample once for each group it belongs to: its commune, its province and the nation; its operator and all; its
-- technology and all.
CREATE OR REPLACE TEMPORARY VIEW grouped AS
SELECT
    levels.level,
    CASE levels.level WHEN 'nation' THEN 'VN' WHEN 'province' THEN samples.province_code ELSE samples.commune END AS code,
    CASE WHEN operators.every THEN 'all' ELSE samples.operator END AS of_operator,
    CASE WHEN technologies.every THEN 'all' ELSE samples.technology END AS of_technology,
    samples.*
FROM samples
CROSS JOIN (VALUES ('nation'), ('province'), ('commune')) AS levels(level)
CROSS JOIN (VALUES (true), (false)) AS operators(every)
CROSS JOIN (VALUES (true), (false)) AS technologies(every)
WHERE levels.level = 'nation' OR samples.province_code IS NOT NULL;
