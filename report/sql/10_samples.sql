-- The rows of a month with what the figures ask of them.
CREATE OR REPLACE TEMPORARY VIEW samples AS
SELECT
    raw.device_id,
    raw.province_code,
    raw.commune,
    raw.cell,
    raw.outcome,
    raw.measurer,
    raw.first_run,
    raw.down_bps, raw.up_bps,
    raw.idle_ms, raw.loaded_down_ms, raw.loaded_up_ms, raw.pdv_ms,
    raw.echo_sent, raw.echo_lost,
    -- The day in Vietnam, which is UTC+7 without summer time.
    CAST(floor((unix_micros(raw.started_at) + 25200000000) / 86400000000) AS BIGINT) AS day,
    unix_micros(raw.received_at) > settings.cut_off_us AS late,
    raw.counts AND unix_micros(raw.received_at) <= settings.cut_off_us AS counted,
    CASE WHEN raw.operator IN ('viettel', 'vinaphone', 'mobifone', 'vietnamobile') THEN raw.operator ELSE 'other' END
        AS operator,
    CASE
        WHEN raw.technology IN ('5g', '5g_nsa', '5g_sa') THEN '5g'
        WHEN raw.technology IN ('4g', '3g') THEN raw.technology
        ELSE 'other'
    END AS technology,
    -- Failures and halves whose reasons say nothing but that: the attempts that did not count (REPORTING.md, 1).
    raw.commune IS NOT NULL
        AND NOT raw.counts
        AND unix_micros(raw.received_at) <= settings.cut_off_us
        AND raw.outcome IN ('no_service', 'server_failed', 'partial')
        AND regexp_like(
            raw.reasons,
            '^((no_service|server_failed|partial|figures_missing|evidence_missing|server_unknown|operator_unknown|transport_unknown|clock_unknown|unattested)( |$))*$'
        ) AS failed_or_half,
    -- A 5G sample that the byte budget ended under-reads: it is left out of means.
    raw.byte_capped AND raw.technology IN ('5g', '5g_nsa', '5g_sa') AS capped,
    CASE
        WHEN raw.technology IN ('5g', '5g_nsa', '5g_sa') THEN settings.floor_5g_bps
        WHEN raw.technology = '4g' THEN settings.floor_4g_bps
    END AS floor_bps
FROM raw CROSS JOIN settings;
