package vn.ispeed.app

import android.content.Context
import android.content.SharedPreferences
import vn.ispeed.app.engine.Campaign
import vn.ispeed.app.engine.DataLimits
import vn.ispeed.app.field.RepeatRules
import vn.ispeed.app.field.RepeatSoFar

/** What the person set. The only file that is backed up: nothing in it tells one device from another. */
class Preferences(context: Context) {
    private val store: SharedPreferences = context.getSharedPreferences("ispeed", Context.MODE_PRIVATE)
    private val defaultCollector = context.getString(R.string.collector_url)

    /** Base URL of the collector. */
    var collector: String
        get() = store.getString("collector", null) ?: defaultCollector
        set(value) = store.edit { putString("collector", value) }

    /** Certificates trusted beside the web's roots, for a collector of one's own. */
    var extraCaPem: String?
        get() = store.getString("extra_ca_pem", null)
        set(value) = store.edit { putString("extra_ca_pem", value) }

    var limits: DataLimits
        get() = DataLimits(long("limit_run"), long("limit_month"))
        set(value) = store.edit {
            putLong("limit_run", value.perRunBytes ?: NONE)
            putLong("limit_month", value.perMonthBytes ?: NONE)
        }

    var campaign: Campaign?
        get() = store.getString("campaign", null)?.let { code ->
            Campaign(
                code = code,
                title = store.getString("campaign_title", null).orEmpty(),
                startsOn = store.getString("campaign_starts", null).orEmpty(),
                endsOn = store.getString("campaign_ends", null).orEmpty(),
                communes = store.getString("campaign_communes", null).orEmpty().split(' ').filter(String::isNotEmpty),
                role = store.getString("campaign_role", null),
            )
        }
        set(value) = store.edit {
            putString("campaign", value?.code)
            putString("campaign_title", value?.title)
            putString("campaign_starts", value?.startsOn)
            putString("campaign_ends", value?.endsOn)
            putString("campaign_communes", value?.communes?.joinToString(" "))
            putString("campaign_role", value?.role)
        }

    var repeat: RepeatRules
        get() = RepeatRules(
            everySeconds = store.getInt("repeat_seconds", REPEAT_SECONDS),
            dayBytes = store.getLong("repeat_bytes", REPEAT_DAY_BYTES),
            stopAtBatteryPercent = store.getInt("repeat_battery", REPEAT_BATTERY_PERCENT),
        )
        set(value) = store.edit {
            putInt("repeat_seconds", value.everySeconds)
            putLong("repeat_bytes", value.dayBytes)
            putInt("repeat_battery", value.stopAtBatteryPercent)
        }

    /** Repeated measuring was started and not ended: after the death of the process it goes on when the app is opened. */
    var isRepeating: Boolean
        get() = store.getBoolean("repeating", false)
        set(value) = store.edit { putBoolean("repeating", value) }

    /** What was done on a day, `2026-11-27`. */
    fun soFar(day: String): RepeatSoFar = if (store.getString("repeat_day", null) == day) {
        RepeatSoFar(
            samples = store.getInt("repeat_day_samples", 0),
            bytes = store.getLong("repeat_day_bytes", 0),
            lastEndedAtMicros = long("repeat_day_last"),
        )
    } else {
        RepeatSoFar()
    }

    fun keep(day: String, soFar: RepeatSoFar) = store.edit {
        putString("repeat_day", day)
        putInt("repeat_day_samples", soFar.samples)
        putLong("repeat_day_bytes", soFar.bytes)
        putLong("repeat_day_last", soFar.lastEndedAtMicros ?: NONE)
    }

    private fun long(key: String): Long? = store.getLong(key, NONE).takeIf { it > 0 }

    private fun SharedPreferences.edit(change: SharedPreferences.Editor.() -> Unit) = edit().apply(change).apply()

    private companion object {
        const val NONE = 0L

        /** The collector's spacing unless the plan says another. */
        const val REPEAT_SECONDS = 120

        /** Twenty samples, the most that count of one device and commune a day, at the 150 MB of a usual 4G test. */
        const val REPEAT_DAY_BYTES = 3_000_000_000L

        /** Enough to come home with a telephone that works. */
        const val REPEAT_BATTERY_PERCENT = 20
    }
}
