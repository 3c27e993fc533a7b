import Combine
import IspeedCore

/// Follows a value of the core for SwiftUI.
@MainActor
final class Watched<Value: Sendable>: ObservableObject {
    @Published private(set) var value: Value

    private var task: Task<Void, Never>?

    init(_ observed: Observed<Value>) {
        value = observed.value
        let values = observed.values()
        task = Task { [weak self] in
            for await value in values {
                guard let self else { return }
                self.value = value
            }
        }
    }

    deinit {
        task?.cancel()
    }
}
