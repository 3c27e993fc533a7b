/// One value that a screen follows: what Swift's Observation is on Apple's systems, and works where that is not.
@MainActor
public final class Observed<Value: Sendable> {
    /// The newest value.
    public private(set) var value: Value

    private var listeners: [Int: AsyncStream<Value>.Continuation] = [:]
    private var nextListener = 0

    public init(_ value: Value) {
        self.value = value
    }

    func set(_ value: Value) {
        self.value = value
        for listener in listeners.values {
            listener.yield(value)
        }
    }

    func change(_ change: (inout Value) -> Void) {
        var changed = value
        change(&changed)
        set(changed)
    }

    /// The value now and every later one; who is slow misses the ones between.
    public func values() -> AsyncStream<Value> {
        let (stream, continuation) = AsyncStream.makeStream(of: Value.self, bufferingPolicy: .bufferingNewest(1))
        let listener = nextListener
        nextListener += 1
        listeners[listener] = continuation
        continuation.onTermination = { [weak self] _ in
            Task { @MainActor in self?.listeners[listener] = nil }
        }
        continuation.yield(value)
        return stream
    }

    /// Waits for a value that fits.
    public func first(where fits: @MainActor (Value) -> Bool) async -> Value? {
        for await value in values() where fits(value) {
            return value
        }
        return nil
    }
}
