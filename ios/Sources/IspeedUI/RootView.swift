import IspeedCore
import SwiftUI

/// The app: first the choices, then the tabs.
public struct RootView: View {
    @ObservedObject private var shell: Shell
    @StateObject private var settings: Watched<SettingsState>
    @StateObject private var measure: Watched<MeasureState>
    @StateObject private var field: Watched<FieldState>
    @Environment(\.scenePhase) private var scenePhase

    public init(shell: Shell) {
        self.shell = shell
        _settings = StateObject(wrappedValue: Watched(shell.session.settings.state))
        _measure = StateObject(wrappedValue: Watched(shell.session.measure.state))
        _field = StateObject(wrappedValue: Watched(shell.session.field.state))
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
        .onChange(of: keepsScreenOn) { keeps in
            UIApplication.shared.isIdleTimerDisabled = keeps
        }
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

    /// A screen that goes dark puts the app into the background, and that ends a run and what repeats; a pair begins without a touch.
    private var keepsScreenOn: Bool {
        if case .running = measure.value { return true }
        return field.value.isRepeating || field.value.pair != nil
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
