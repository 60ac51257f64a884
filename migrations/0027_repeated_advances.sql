-- Which request the last advance of a clock is for: the same request again, after its process has died, is answered with it.
ALTER TABLE test_clocks ADD COLUMN advance_request text;
