import Foundation
import IspeedCore

/// Uploads by a background `URLSession`: the system carries them out while the app is closed, and wakes it for the answers.
/// Such a session follows redirects and asks nobody, but it asks whether each server may be trusted, before a byte of the request is
/// sent to it: here only the one that the upload is for is. So a redirect ends where it began, and the core is told of it.
public final class BackgroundUploads: NSObject, SystemUploads, URLSessionDataDelegate, @unchecked Sendable {
    /// The same in every life of the app, so that the system finds its way back.
    public static let identifier = "vn.ispeed.app.uploads"

    private let lock = NSLock()
    private let folder: URL
    private let trust: ExtraTrust?
    private var bodies: [Int: Data] = [:]
    /// Servers that tasks were redirected to and refused to speak with.
    private var refused: [Int: String] = [:]
    private var answered: @Sendable (String, UploadAnswer) async -> Void = { _, _ in }
    private var wokenUp: (@MainActor @Sendable () -> Void)?
    private var underDelivery = 0
    private var isAllDelivered = false
    private var session: URLSession?

    /// `folder` holds the bodies on their way; `extraCaPem` is trusted beside the system's roots.
    public init(folder: URL, extraCaPem: String?) throws {
        self.folder = folder
        trust = try extraCaPem.map(ExtraTrust.init(pem:))
        super.init()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    /// Takes up the session of this and former lives. `answered` is told every answer once.
    public func start(answered: @escaping @Sendable (String, UploadAnswer) async -> Void) {
        let configuration = URLSessionConfiguration.background(withIdentifier: Self.identifier)
        configuration.sessionSendsLaunchEvents = true
        configuration.isDiscretionary = false
        configuration.httpCookieStorage = nil
        configuration.urlCache = nil
        // The core tries again by its own rules; a request that waits for days here would hold up all others.
        configuration.timeoutIntervalForResource = 3_600
        lock.withLock {
            self.answered = answered
            session = URLSession(configuration: configuration, delegate: self, delegateQueue: nil)
        }
    }

    /// The system woke the app for this session; `done` is called when all answers are taken in.
    public func wakeUp(done: @escaping @MainActor @Sendable () -> Void) {
        lock.withLock { wokenUp = done }
        finishIfDelivered()
    }

    public func underWay() async -> Set<String> {
        guard let session = lock.withLock({ session }) else { return [] }
        return Set(await session.allTasks.compactMap(\.taskDescription))
    }

    public func begin(_ request: UploadRequest) async throws {
        guard let session = lock.withLock({ session }), let prepared = URLRequest(request) else {
            throw URLError(.unsupportedURL)
        }
        let file = body(of: request.id)
        try request.body.write(to: file, options: [.atomic, .completeFileProtectionUntilFirstUserAuthentication])
        let task = session.uploadTask(with: prepared, fromFile: file)
        task.taskDescription = request.id
        task.resume()
    }

    private func body(of id: String) -> URL {
        folder.appendingPathComponent(id)
    }

    // MARK: what the system tells

    public func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        lock.withLock {
            let before = bodies[dataTask.taskIdentifier] ?? Data()
            bodies[dataTask.taskIdentifier] = before + data.prefix(max(0, mostAnswerBytes - before.count))
        }
    }

    /// Also for the trust in a server: the session has no method of its own for that, which could not tell whose server it is.
    public func urlSession(
        _ session: URLSession, task: URLSessionTask, didReceive challenge: URLAuthenticationChallenge,
        completionHandler: @escaping @Sendable (URLSession.AuthChallengeDisposition, URLCredential?) -> Void
    ) {
        let space = challenge.protectionSpace
        guard let server = space.serverTrust else { return completionHandler(.performDefaultHandling, nil) }
        guard task.originalRequest?.isFor(host: space.host, port: space.port) == true else {
            lock.withLock { refused[task.taskIdentifier] = "https://\(space.host):\(space.port)" }
            return completionHandler(.cancelAuthenticationChallenge, nil)
        }
        guard let trust else { return completionHandler(.performDefaultHandling, nil) }
        if trust.holds(for: server) {
            completionHandler(.useCredential, URLCredential(trust: server))
        } else {
            completionHandler(.cancelAuthenticationChallenge, nil)
        }
    }

    public func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        guard let id = task.taskDescription else { return }
        let (body, refused, answered) = lock.withLock {
            underDelivery += 1
            let number = task.taskIdentifier
            return (bodies.removeValue(forKey: number) ?? Data(), self.refused.removeValue(forKey: number), self.answered)
        }
        let answer =
            refused.map(UploadAnswer.redirected)
            ?? UploadAnswer(
                asked: task.originalRequest?.url, response: error == nil ? task.response : nil, body: body, error: error)
        try? FileManager.default.removeItem(at: self.body(of: id))
        Task {
            await answered(id, answer)
            lock.withLock { underDelivery -= 1 }
            finishIfDelivered()
        }
    }

    public func urlSessionDidFinishEvents(forBackgroundURLSession session: URLSession) {
        lock.withLock { isAllDelivered = true }
        finishIfDelivered()
    }

    /// The system may suspend the app again as soon as it hears of it: not before the outbox has every answer.
    private func finishIfDelivered() {
        let done = lock.withLock { () -> (@MainActor @Sendable () -> Void)? in
            guard isAllDelivered, underDelivery == 0, let done = wokenUp else { return nil }
            (wokenUp, isAllDelivered) = (nil, false)
            return done
        }
        guard let done else { return }
        Task { @MainActor in done() }
    }
}
