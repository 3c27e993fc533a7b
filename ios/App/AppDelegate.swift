import Combine
import IspeedCore
import IspeedPhone
import IspeedUI
import UIKit

/// Opens the core once, and keeps its uploads going in every life of the app.
@MainActor
final class AppDelegate: NSObject, UIApplicationDelegate, ObservableObject {
    /// `nil` while the core opens. It may not open: then the reason is all there is to show.
    @Published private(set) var opened: Result<Shell, any Error>?

    let words = Words(Language(preferred: Bundle.main.preferredLocalizations.first))

    private var opening: Task<Void, Never>?
    private var uploads: BackgroundUploads?
    private var driver: HandedOver?
    private var retry: Task<Void, Never>?

    func application(
        _ application: UIApplication,
        didFinishLaunchingWithOptions options: [UIApplication.LaunchOptionsKey: Any]? = nil
    ) -> Bool {
        UploadTask.register { [weak self] in await self?.pump() }
        opening = Task {
            do {
                opened = .success(try await open())
            } catch {
                opened = .failure(error)
            }
        }
        Task { await pump() }
        return true
    }

    func application(
        _ application: UIApplication, handleEventsForBackgroundURLSession identifier: String,
        completionHandler: @escaping () -> Void
    ) {
        guard identifier == BackgroundUploads.identifier else { return completionHandler() }
        let done = Completion(completionHandler)
        Task {
            await opening?.value
            guard let uploads else { return done.call() }
            uploads.wakeUp { done.call() }
        }
    }

    private func open() async throws -> Shell {
        let info = Bundle.main.infoDictionary ?? [:]
        let preferences = Preferences(
            store: UserDefaults.standard, defaultCollector: info["IspeedCollector"] as? String ?? "")
        let build = info["CFBundleShortVersionString"] as? String ?? "0"
        let folder = try Self.dataFolder()
        let (collector, limits, extraCaPem) = (preferences.collector, preferences.limits, preferences.extraCaPem)
        let boundaries = Bundle.main.url(forResource: "communes", withExtension: "bundle")?.path
        // Migrations, runs that died, and all borders: the first picture waits for none of them.
        let engine = try await away {
            try RustEngine(
                data: folder.path, collector: collector, appBuild: build, limits: limits, extraCaPem: extraCaPem,
                boundaries: boundaries)
        }
        let uploads = try BackgroundUploads(folder: folder.appendingPathComponent("uploads"), extraCaPem: extraCaPem)
        let driver = HandedOver(engine: engine, system: uploads)
        uploads.start { [weak self] id, answer in
            let drained = try? await driver.answered(id, answer)
            await self?.answered(drained)
        }
        (self.uploads, self.driver) = (uploads, driver)
        let phone = Phone(appBuild: build)
        let session = Session(engine: engine, phone: phone, preferences: preferences) { [weak self] in
            Task { await self?.pump() }
        }
        return Shell(session: session, phone: phone)
    }

    private func pump() async {
        await opening?.value
        // A failure of the outbox itself shows wherever it is read; here there is nobody to tell.
        guard let driver, let drained = try? await driver.pump() else { return }
        schedule(drained)
    }

    /// An answer is in the outbox: what shows it looks again.
    private func answered(_ drained: Drained?) async {
        if let drained { schedule(drained) }
        await (try? opened?.get())?.session.history.refresh()
    }

    private func schedule(_ drained: Drained) {
        guard case .until(let micros) = drained else { return }
        UploadTask.schedule(notBeforeMicros: micros)
        // The system's time may be hours later; while the app runs it need not wait for that.
        retry?.cancel()
        retry = Task { [weak self] in
            try? await Task.sleep(for: .microseconds(max(0, micros - nowMicros())))
            guard !Task.isCancelled else { return }
            await self?.pump()
        }
    }

    /// Kept out of every backup: the device's secret lies in it. Readable after the first unlock, for uploads in the background.
    private static func dataFolder() throws -> URL {
        var folder = try FileManager.default
            .url(for: .applicationSupportDirectory, in: .userDomainMask, appropriateFor: nil, create: true)
            .appendingPathComponent("ispeed")
        let protection = [FileAttributeKey.protectionKey: FileProtectionType.completeUntilFirstUserAuthentication]
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true, attributes: protection)
        var values = URLResourceValues()
        values.isExcludedFromBackup = true
        try folder.setResourceValues(values)
        return folder
    }
}

/// UIKit's handler, which is to be called on the main thread and says nothing of threads.
private struct Completion: @unchecked Sendable {
    private let handler: () -> Void

    init(_ handler: @escaping () -> Void) {
        self.handler = handler
    }

    @MainActor
    func call() {
        handler()
    }
}
