import IspeedCore
import SwiftUI

/// Choices, limits, boundaries and the person's own data.
struct SettingsView: View {
    let shell: Shell
    @StateObject private var state: Watched<SettingsState>
    @State private var collector: String
    @State private var changesConsent = false
    @State private var asksToDelete = false

    /// Steps of the limits, in megabytes; 0 is none.
    private static let runSteps = [0, 30, 100, 300]
    private static let monthSteps = [0, 500, 1_000, 3_000, 10_000]

    init(shell: Shell) {
        self.shell = shell
        _state = StateObject(wrappedValue: Watched(shell.session.settings.state))
        _collector = State(initialValue: shell.session.preferences.collector)
    }

    private var settings: SettingsModel { shell.session.settings }
    private var words: Words { shell.words }

    var body: some View {
        NavigationStack {
            Form {
                if let said = state.value.said { Text(words.of(said)) }
                consent
                limits
                boundaries
                myData
                Section { Text(words.of(.appAbout)).font(.footnote) }
            }
            .disabled(state.value.isBusy)
            .navigationTitle(words.of(.tabSettings))
        }
        .task { await settings.refresh() }
        .sheet(isPresented: $changesConsent) {
            ConsentView(shell: shell, estimate: state.value.estimate, choices: Choices(state.value.consent))
        }
        .confirmationDialog(words.of(.myDeleteSure), isPresented: $asksToDelete, titleVisibility: .visible) {
            Button(words.of(.myDeleteYes), role: .destructive) { Task { await settings.deleteMyData() } }
        }
    }

    private var consent: some View {
        Section {
            ForEach(Array(consentScreen(Choices(state.value.consent), estimate: nil).choices.enumerated()), id: \.offset) {
                if $0.element.isTicked { Label(words.of($0.element.label), systemImage: "checkmark") }
            }
            Button(words.of(.consentChange)) { changesConsent = true }
            Button(words.of(.consentWithdraw), role: .destructive) { Task { await settings.withdraw() } }
        }
    }

    private var limits: some View {
        Section(words.of(.limitTitle)) {
            if let estimate = state.value.estimate { Text(words.of(usedLine(estimate))) }
            limit(.limitRun, Self.runSteps, \.perRunBytes)
            limit(.limitMonth, Self.monthSteps, \.perMonthBytes)
        }
    }

    private func limit(_ label: Say, _ steps: [Int], _ member: WritableKeyPath<DataLimits, Int64?>) -> some View {
        let chosen = Binding<Int>(
            get: { Int((state.value.limits[keyPath: member] ?? 0) / 1_000_000) },
            set: { megabytes in
                var limits = state.value.limits
                limits[keyPath: member] = megabytes == 0 ? nil : Int64(megabytes) * 1_000_000
                Task { await settings.setLimits(limits) }
            })
        return Picker(words.of(label), selection: chosen) {
            ForEach(Array(Set(steps + [chosen.wrappedValue])).sorted(), id: \.self) { megabytes in
                Text(megabytes == 0 ? words.of(.limitNone) : words.of(bytes(Int64(megabytes) * 1_000_000))).tag(megabytes)
            }
        }
    }

    private var boundaries: some View {
        Section(words.of(.myBoundaries)) {
            Text(words.of(boundariesText(state.value.boundaries)))
            Button(words.of(.myBoundariesFetch)) { Task { await settings.fetchBoundaries() } }
        }
    }

    private var myData: some View {
        Section(words.of(.myTitle)) {
            LabeledContent(words.of(.settingsCollector)) {
                TextField(words.of(.settingsCollector), text: $collector)
                    .textInputAutocapitalization(.never)
                    .autocorrectionDisabled()
                    .keyboardType(.URL)
                    .multilineTextAlignment(.trailing)
            }
            // The core is opened with it at the next start.
            Button(words.of(.save)) { shell.session.preferences.collector = collector }
            Button(words.of(.myDelete), role: .destructive) { asksToDelete = true }
        }
    }
}
