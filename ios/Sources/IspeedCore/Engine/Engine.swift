import Foundation

/// What of the place leaves the phone.
public enum Share: String, Sendable {
    case none, commune, precise
}

/// What the person agreed to, and the version of the text they saw.
public struct Consent: Equatable, Sendable {
    public var version: String
    public var run: Bool
    public var share: Share
    public var upload: Bool
}

/// What the person allows; `nil` is the method's own cap.
public struct DataLimits: Equatable, Sendable {
    public var perRunBytes: Int64?
    public var perMonthBytes: Int64?

    public init(perRunBytes: Int64? = nil, perMonthBytes: Int64? = nil) {
        self.perRunBytes = perRunBytes
        self.perMonthBytes = perMonthBytes
    }
}

/// What a run would use.
public struct Estimate: Equatable, Sendable {
    public var likelyBytes: Int64?
    public var maxBytes: Int64
    public var usedBytes: Int64 = 0
    public var leftBytes: Int64?
}

/// What the core refused or failed at, by its stable `kind`.
public struct EngineError: Error, Equatable, Sendable {
    public let kind: String
    public let message: String
}

/// A run that goes on. Ending the Swift task that waits for it does not end it: `cancel()` does.
public protocol Run: Sendable {
    /// Adds what the phone just learned.
    func push(_ facts: Facts) throws

    /// Ends the run; what was measured is kept.
    func cancel()

    /// Waits for the sample.
    func outcome() async throws -> Sample
}

/// A header of HTTP.
public struct Header: Equatable, Sendable {
    public var name: String
    public var value: String
}

/// What an upload has to send.
public struct UploadRequest: Equatable, Sendable {
    public var id: String
    public var method: String
    public var url: String
    public var headers: [Header]
    public var body: Data
}

/// What the core wants next.
public enum NextUpload: Equatable, Sendable {
    /// Send this, and report the answer.
    case upload(UploadRequest)
    /// Nothing is due before this instant.
    case wait(untilMicros: Int64)
    /// Nothing waits, or nothing may be sent.
    case done
}

/// Why there was no answer.
public enum NetworkFailure: String, Sendable {
    case noNetwork = "no_network"
    case dns, connect, tls, timeout, cut, other
}

/// What the shell saw of an upload.
public enum UploadAnswer: Equatable, Sendable {
    /// An HTTP answer of whoever answered.
    case http(code: Int, headers: [Header], body: Data)
    /// No answer.
    case failed(NetworkFailure)
}

/// The one door to the core. Its calls read and write files and may take long: not on the main actor.
public protocol Engine: Sendable {
    /// The choice that rules, if one was ever made.
    func consent() throws -> Consent?
    /// Records a choice; it rules from now on.
    func recordConsent(_ consent: Consent) throws
    /// Withdraws: no run, no position, no upload until a new choice.
    func withdrawConsent() throws

    /// What a run now would use.
    func estimate(_ facts: Facts) throws -> Estimate
    /// What the person allows from now on.
    func setLimits(_ limits: DataLimits)
    /// Starts a run; `observer` gets at most ten pictures a second, on a thread of the core.
    func start(_ facts: Facts, observer: @escaping @Sendable (Progress) -> Void) throws -> any Run

    /// How many samples wait to be sent, those in flight included.
    func waiting() throws -> Int
    /// All samples, the newest first.
    func history() throws -> [Sample]
    /// One sample with everything known of it.
    func detail(_ id: String) throws -> Sample
    /// Deletes a sample from this phone.
    func erase(_ id: String) throws
    /// Puts a refused sample back into the queue.
    func requeue(_ id: String) throws
    /// What waits for a later try may be sent now.
    func retryNow() throws
    /// Writes the hand-over file; returns how many samples it holds.
    func export(to path: String) throws -> Int

    /// The next upload, marked as being sent.
    func nextUpload() throws -> NextUpload
    /// Takes in the answer to an upload.
    func uploadAnswered(_ id: String, _ answer: UploadAnswer) throws

    /// Has the collector delete everything of this phone; returns how many samples.
    func deleteMyData() async throws -> Int
    /// Version of the boundaries on this phone; `nil`: communes are approximate.
    func boundaries() -> String?
    /// Fetches the collector's boundaries and takes them over; false where it has none.
    func fetchBoundaries() async throws -> Bool

    /// Reads and checks a campaign's code or the text of its QR code.
    func join(_ text: String, role: String?) async throws -> Campaign
    /// Fetches the plan of the day and keeps it.
    func fetchPlan(_ question: PlanQuestion) async throws -> PlanPack
    /// The plan that is kept, without a network.
    func keptPlan(_ question: PlanQuestion) throws -> PlanPack?
    /// What to measure next by the kept plan, without a network; without such a plan it is refused.
    func guide(_ question: PlanQuestion, at point: Point?, accuracyM: Double?) throws -> Guide
    /// A new pair; the other phone reads its text.
    func newPair() throws -> Pairing
    /// The pair the other phone made.
    func readPair(_ text: String) throws -> Pairing
}
