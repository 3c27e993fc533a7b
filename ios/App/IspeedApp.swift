import IspeedCore
import IspeedPhone
import IspeedUI
import SwiftUI

@main
struct IspeedApp: App {
    @UIApplicationDelegateAdaptor(AppDelegate.self) private var delegate

    var body: some Scene {
        WindowGroup { OpenedView(delegate: delegate) }
    }
}

/// What came of opening the core.
private struct OpenedView: View {
    @ObservedObject var delegate: AppDelegate

    var body: some View {
        switch delegate.opened {
        case .none: ProgressView()
        case .some(.success(let shell)): RootView(shell: shell)
        case .some(.failure(let error)): Text(verbatim: delegate.words.of(problem(error)))
        }
    }
}
