package vn.ispeed.app

import android.content.Context
import android.content.SharedPreferences
import vn.ispeed.app.engine.Campaign
import vn.ispeed.app.engine.DataLimits
import vn.ispeed.app.field.RepeatRules

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
