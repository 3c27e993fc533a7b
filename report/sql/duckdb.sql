-- Names of Spark functions that DuckDB spells otherwise.
CREATE OR REPLACE MACRO unix_micros(t) AS epoch_us(t);
CREATE OR REPLACE MACRO percentile(x, p) AS quantile_cont(x, p);
CREATE OR REPLACE MACRO regexp_like(t, p) AS regexp_matches(t, p);
