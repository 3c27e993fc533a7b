-- The figures of every group, one row a group, one column a metric of figures.csv.
SELECT
    level, code, of_operator AS operator, of_technology AS technology,
    count(*) AS samples_count,
    count(*) FILTER (WHERE counted) AS counted_count,
    count(*) FILTER (WHERE NOT counted) AS excluded_count,
    count(*) FILTER (WHERE late) AS late_count,
    count(DISTINCT CASE WHEN counted THEN device_id END) AS devices_count,
    count(DISTINCT CASE WHEN counted THEN cell END) AS cells_count,
    count(DISTINCT CASE WHEN counted THEN day END) AS days_count,
    avg(down_bps) FILTER (WHERE counted AND NOT capped) / 1e6 AS down_mean_mbps,
    percentile(CASE WHEN counted THEN down_bps END, 0.5) / 1e6 AS down_median_mbps,
    percentile(CASE WHEN counted THEN down_bps END, 0.1) / 1e6 AS down_p10_mbps,
    percentile(CASE WHEN counted THEN down_bps END, 0.9) / 1e6 AS down_p90_mbps,
    avg(up_bps) FILTER (WHERE counted AND NOT capped) / 1e6 AS up_mean_mbps,
    percentile(CASE WHEN counted THEN up_bps END, 0.5) / 1e6 AS up_median_mbps,
    percentile(CASE WHEN counted THEN up_bps END, 0.1) / 1e6 AS up_p10_mbps,
    percentile(CASE WHEN counted THEN up_bps END, 0.9) / 1e6 AS up_p90_mbps,
    100e0 * count(*) FILTER (WHERE counted AND down_bps >= floor_bps)
        / nullif(count(*) FILTER (WHERE counted AND down_bps IS NOT NULL AND floor_bps IS NOT NULL), 0) AS above_floor_percent,
    percentile(CASE WHEN counted THEN idle_ms END, 0.5) AS idle_latency_median_ms,
    percentile(CASE WHEN counted THEN loaded_down_ms END, 0.5) AS loaded_down_latency_median_ms,
    percentile(CASE WHEN counted THEN loaded_up_ms END, 0.5) AS loaded_up_latency_median_ms,
    percentile(CASE WHEN counted THEN pdv_ms END, 0.5) AS pdv_median_ms,
    100e0 * sum(CASE WHEN counted THEN echo_lost END) / nullif(sum(CASE WHEN counted THEN echo_sent END), 0) AS loss_percent,
    100e0 * count(*) FILTER (WHERE failed_or_half AND outcome <> 'partial')
        / nullif(count(*) FILTER (WHERE counted OR failed_or_half), 0) AS failed_attempts_percent,
    count(*) FILTER (WHERE first_run) AS installs_count,
    count(*) FILTER (WHERE counted AND measurer = 'citizen') AS by_citizens_count,
    count(*) FILTER (WHERE counted AND measurer = 'official') AS by_officials_count,
    count(*) FILTER (WHERE counted AND measurer = 'operator') AS by_operators_count,
    count(*) FILTER (WHERE counted AND measurer = 'probe') AS by_probes_count,
    avg(down_bps) FILTER (WHERE counted AND NOT capped AND measurer <> 'operator') / 1e6 AS down_mean_without_operators_mbps
FROM grouped
GROUP BY level, code, of_operator, of_technology
