import java.util.Properties

plugins {
    alias(libs.plugins.android.application)
    alias(libs.plugins.kotlin.android)
}

val repository: Directory = rootProject.layout.projectDirectory.dir("..")
val abis = listOf("arm64-v8a", "armeabi-v7a", "x86_64", "x86")

android {
    namespace = "vn.ispeed.app"
    compileSdk = libs.versions.compileSdk.get().toInt()
    ndkVersion = libs.versions.ndk.get()

    defaultConfig {
        applicationId = "vn.ispeed.app"
        minSdk = libs.versions.minSdk.get().toInt()
        targetSdk = libs.versions.targetSdk.get().toInt()
        versionCode = 1
        versionName = "0.1.0"
        ndk.abiFilters += abis
        // Whoever runs a collector builds with -PispeedCollector=https://…
        providers.gradleProperty("ispeedCollector").orNull?.let { resValue("string", "collector_url", it) }
    }

    // The key is the builder's: signing.properties beside this file, or the environment of the workflow. Without one the
    // release is left unsigned.
    val signing = Properties().apply {
        val file = rootProject.file("signing.properties")
        if (file.isFile) file.inputStream().use(::load)
    }
    fun secret(name: String): String? = signing.getProperty(name) ?: System.getenv("ISPEED_SIGNING_${name.uppercase()}")
    signingConfigs {
        secret("store")?.let { store ->
            create("release") {
                storeFile = file(store)
                storePassword = secret("store_password")
                keyAlias = secret("alias")
                keyPassword = secret("key_password")
            }
        }
    }

    buildTypes {
        release {
            isMinifyEnabled = true
            isShrinkResources = true
            proguardFiles(getDefaultProguardFile("proguard-android-optimize.txt"), "proguard-rules.pro")
            signingConfig = signingConfigs.findByName("release")
        }
    }

    sourceSets["main"].apply {
        kotlin.srcDir(repository.dir("bindings/generated/kotlin"))
        jniLibs.srcDir(layout.buildDirectory.dir("core"))
    }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }

    packaging {
        // Uncompressed and page aligned: mapped straight from the APK, with pages of 16 KB as well.
        jniLibs.useLegacyPackaging = false
        resources.excludes += setOf("META-INF/*.version", "META-INF/AL2.0", "META-INF/LGPL2.1", "DebugProbesKt.bin")
    }

    // The same input gives the same bytes: no list of dependencies with the time of the build in it.
    dependenciesInfo {
        includeInApk = false
        includeInBundle = false
    }

    testOptions.unitTests {
        isIncludeAndroidResources = true
        all {
            it.systemProperty("ispeed.repository", repository.asFile.path)
            it.systemProperty("jna.library.path", repository.dir("target/debug").asFile.path)
            it.systemProperty("ispeed.program", repository.file("target/debug/ispeed").asFile.path)
            // The library keeps one callback table a trait: each class in a JVM of its own.
            it.setForkEvery(1)
        }
    }
}

kotlin {
    compilerOptions.jvmTarget = org.jetbrains.kotlin.gradle.dsl.JvmTarget.JVM_17
}

/** libispeed.so for every ABI, by cargo-ndk; one variable of the environment less is one reason less to differ. */
val buildCore by tasks.registering(Exec::class) {
    description = "Builds the Rust core for all ABIs"
    val out = layout.buildDirectory.dir("core")
    workingDir = repository.asFile
    environment("RUSTFLAGS", "--remap-path-prefix=${repository.asFile.path}=.")
    environment("ANDROID_NDK_HOME", android.ndkDirectory.path)
    commandLine(
        listOf("cargo", "ndk", "--platform", libs.versions.minSdk.get(), "--output-dir", out.get().asFile.path) +
            abis.flatMap { listOf("--target", it) } +
            // The profile that `cargo xtask bindings` weighs and tests; cargo's `release` is optimised for speed, without LTO.
            listOf("build", "--profile", "phone", "--locked", "--package", "ispeed-ffi"),
    )
    outputs.dir(out)
    // cargo knows best what is fresh.
    outputs.upToDateWhen { false }
}

tasks.named("preBuild") { dependsOn(buildCore) }

dependencies {
    implementation(libs.coroutines.android)
    implementation("${libs.jna.get()}@aar")
    testImplementation(libs.junit)
    testImplementation(libs.robolectric)
    testImplementation(libs.coroutines.test)
    // On the machine's JVM the library of the machine.
    testImplementation(libs.jna)
}
