-- Part of the counted samples of a group that its busiest device gave.
SELECT
    level, code, of_operator AS operator, of_technology AS technology,
    100e0 * max(n) / sum(n) AS top_device_share_percent
FROM (
    SELECT level, code, of_operator, of_technology, device_id, count(*) AS n
    FROM grouped WHERE counted
    GROUP BY level, code, of_operator, of_technology, device_id
) AS by_device
GROUP BY level, code, of_operator, of_technology
