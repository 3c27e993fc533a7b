import BackgroundTasks
import Foundation

/// Asks the system to run the app for a moment when the core wants to try an upload again.
public enum UploadTask {
    /// In `BGTaskSchedulerPermittedIdentifiers`.
    public static let identifier = "vn.ispeed.app.retry"

    /// Before the app has finished launching, once.
    public static func register(pump: @escaping @Sendable () async -> Void) {
        BGTaskScheduler.shared.register(forTaskWithIdentifier: identifier, using: nil) { task in
            let handle = Handle(task)
            let work = Task {
                await pump()
                handle.end(success: !Task.isCancelled)
            }
            task.expirationHandler = {
                work.cancel()
                handle.end(success: false)
            }
        }
    }

    /// Not before this instant; the system chooses when.
    public static func schedule(notBeforeMicros: Int64) {
        let request = BGAppRefreshTaskRequest(identifier: identifier)
        request.earliestBeginDate = Date(timeIntervalSince1970: Double(notBeforeMicros) / 1_000_000)
        // Refused where the person switched background refresh off: then the next start of the app sends.
        try? BGTaskScheduler.shared.submit(request)
    }

    /// A task is to be ended exactly once.
    private final class Handle: @unchecked Sendable {
        private let lock = NSLock()
        private var task: BGTask?

        init(_ task: BGTask) {
            self.task = task
        }

        func end(success: Bool) {
            let ending = lock.withLock { () -> BGTask? in
                defer { task = nil }
                return task
            }
            ending?.setTaskCompleted(success: success)
        }
    }
}
