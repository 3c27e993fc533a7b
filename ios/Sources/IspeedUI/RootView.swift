import IspeedCore
import SwiftUI

/// The app: first the choices, then the tabs.
public struct RootView: View {
    @ObservedObject private var shell: Shell
    @StateObject private var settings: Watched<SettingsState>
    @Environment(\.scenePhase) private var scenePhase

    public init(shell: Shell) {
        self.shell = shell
        _settings = StateObject(wrappedValue: Watched(shell.session.settings.state))
    }

    public var body: some View {
        Group {
            if settings.value.consent?.run == true {
                tabs
            } else {
                ConsentView(shell: shell, estimate: settings.value.estimate)
            }
        }
        .onAppear { shell.appeared() }
        .onOpenURL { url in
            // The camera app reads the QR code of a campaign, `ispeed:campaign:…`.
            Task { await shell.session.field.join(url.absoluteString, role: nil) }
        }
        .onChange(of: scenePhase) { phase in
            switch phase {
            case .active: shell.appeared()
            case .background: shell.disappeared()
            default: break
            }
        }
    }

    private var tabs: some View {
        TabView {
            MeasureView(shell: shell).tabItem { Label(shell.words.of(.tabMeasure), systemImage: "speedometer") }
            HistoryView(shell: shell).tabItem { Label(shell.words.of(.tabHistory), systemImage: "clock") }
            FieldView(shell: shell).tabItem { Label(shell.words.of(.tabField), systemImage: "map") }
            SettingsView(shell: shell).tabItem { Label(shell.words.of(.tabSettings), systemImage: "gearshape") }
        }
    }
}
