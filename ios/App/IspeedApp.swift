import IspeedCore
import IspeedPhone
import IspeedUI
import SwiftUI

@main
struct IspeedApp: App {
    @UIApplicationDelegateAdaptor(AppDelegate.self) private var delegate

    var body: some Scene {
        WindowGroup {
            switch delegate.opened {
            case .success(let shell): RootView(shell: shell)
            case .failure(let error): Text(verbatim: delegate.words.of(problemText(error)))
            }
        }
    }

    private func problemText(_ error: any Error) -> Phrase {
        let refused = error as? EngineError
        return problem(refused?.kind ?? "internal", refused?.message ?? String(describing: error))
    }
}
