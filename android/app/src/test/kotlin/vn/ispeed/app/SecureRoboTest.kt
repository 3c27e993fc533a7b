package vn.ispeed.app

import android.content.Intent
import android.content.pm.PackageManager
import java.io.File
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner

@RunWith(RobolectricTestRunner::class)
class SecureRoboTest {
    private val main = File(System.getProperty("ispeed.repository"), "android/app/src/main")

    @Test
    fun nothingButTheLauncherIsOpenToOtherPrograms() {
        val flags =
            PackageManager.GET_ACTIVITIES or PackageManager.GET_SERVICES or PackageManager.GET_RECEIVERS or PackageManager.GET_PROVIDERS
        val info = AppTest.app.packageManager.getPackageInfo(AppTest.app.packageName, flags)
        val open = listOfNotNull(info.activities, info.services, info.receivers, info.providers)
            .flatMap { it.toList() }.filter { it.exported }.map { it.name }
        assertEquals(listOf(MainActivity::class.java.name), open)
        assertEquals("what there is at all", 1, info.activities?.size)
        assertEquals(2, info.services?.size)
    }

    @Test
    fun noCleartext() {
        val config = File(main, "res/xml/network_security_config.xml").readText()
        assertTrue(config.contains("cleartextTrafficPermitted=\"false\""))
        assertFalse("no certificate a person installed is trusted", config.contains("\"user\""))
        assertTrue(File(main, "AndroidManifest.xml").readText().contains("android:usesCleartextTraffic=\"false\""))
    }

    @Test
    fun theOutboxAndItsKeysAreInNoBackup() {
        for (name in listOf("backup_rules", "data_extraction_rules")) {
            val rules = File(main, "res/xml/$name.xml").readText()
            val included = Regex("<include domain=\"(\\w+)\" path=\"([^\"]+)\"").findAll(rules).map { it.groupValues.drop(1) }.toSet()
            assertEquals(name, setOf(listOf("sharedpref", "ispeed.xml")), included)
        }
    }

    @Test
    fun noBackgroundLocationIsAskedFor() {
        val info = AppTest.app.packageManager.getPackageInfo(AppTest.app.packageName, PackageManager.GET_PERMISSIONS)
        val asked = info.requestedPermissions.orEmpty().toList()
        assertFalse(asked.contains("android.permission.ACCESS_BACKGROUND_LOCATION"))
        assertFalse(asked.any { it.contains("PHONE_NUMBERS") || it.contains("READ_PRIVILEGED") })
    }

    @Test
    fun theSchemeOfAQrCodeOpensTheApp() {
        val intent = Intent(Intent.ACTION_VIEW, android.net.Uri.parse("ispeed:campaign:x")).addCategory(Intent.CATEGORY_BROWSABLE)
        val found = AppTest.app.packageManager.queryIntentActivities(intent, 0)
        assertEquals(listOf(MainActivity::class.java.name), found.map { it.activityInfo.name })
    }
}
