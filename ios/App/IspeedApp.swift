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
            case .failure(let error): Text(verbatim: delegate.words.of(problem(error)))
            }
        }
    }
}
