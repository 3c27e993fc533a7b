import IspeedCore
import SwiftUI

/// Measuring for a campaign, while the app is in front.
struct FieldView: View {
    let shell: Shell
    @StateObject private var state: Watched<FieldState>
    @State private var code = ""
    @State private var role = ""
    @State private var pair = ""
    @State private var rules: RepeatRules

    init(shell: Shell) {
        self.shell = shell
        _state = StateObject(wrappedValue: Watched(shell.session.field.state))
        _rules = State(initialValue: shell.session.preferences.repeatRules)
    }

    private var field: FieldModel { shell.session.field }
    private var words: Words { shell.words }

    var body: some View {
        let screen = fieldScreen(state.value)
        NavigationStack {
            Form {
                if let problem = screen.problem { Text(words.of(problem)).foregroundStyle(.red) }
                campaign(screen)
                plan(screen)
                repeating(screen)
                pairing(screen)
            }
            .navigationTitle(words.of(.fieldTitle))
        }
        .task { await field.phoneChanged() }
    }

    private func campaign(_ screen: FieldScreen) -> some View {
        Section {
            Text(words.of(screen.campaign))
            if state.value.campaign == nil {
                TextField(words.of(.fieldJoinHint), text: $code).textInputAutocapitalization(.characters)
                TextField(words.of(.fieldRoleHint), text: $role)
                Button(words.of(.fieldJoin)) { Task { await field.join(code, role: role) } }.disabled(code.isEmpty)
            } else {
                Button(words.of(.fieldLeave), role: .destructive) { field.leave() }
            }
        }
    }

    private func plan(_ screen: FieldScreen) -> some View {
        Section {
            Button(words.of(.fieldPlanFetch)) { Task { await field.fetchPlan() } }
            if let until = screen.planUntil { Text(words.of(until)).font(.footnote) }
            if let next = screen.next { Text(words.of(next)).font(.headline) }
            if let spoken = screen.mapSpoken {
                FieldMapView(map: screen.map).frame(height: 240).accessibilityLabel(words.of(spoken))
            }
            ForEach(Array(screen.communes.enumerated()), id: \.offset) { Text(words.of($0.element)) }
        }
    }

    private func repeating(_ screen: FieldScreen) -> some View {
        Section {
            ForEach(Array(screen.running.enumerated()), id: \.offset) { Text(words.of($0.element)) }
            if state.value.isRepeating {
                Button(words.of(.fieldStop)) { field.stop() }
            } else {
                number(.fieldEvery, $rules.everySeconds)
                number(.fieldBudget, megabytes)
                number(.fieldBattery, $rules.stopAtBatteryPercent)
                Button(words.of(.fieldStart)) {
                    shell.session.preferences.repeatRules = rules
                    field.start()
                }
            }
        }
    }

    private var megabytes: Binding<Int> {
        Binding(
            get: { Int(rules.dayBytes / 1_000_000) },
            set: { rules.dayBytes = Int64($0) * 1_000_000 }
        )
    }

    private func number(_ label: Say, _ value: Binding<Int>) -> some View {
        LabeledContent(words.of(label)) {
            TextField(words.of(label), value: value, format: .number).keyboardType(.numberPad).multilineTextAlignment(.trailing)
        }
    }

    private func pairing(_ screen: FieldScreen) -> some View {
        Section(words.of(.fieldPair)) {
            TextField(words.of(.fieldPairHint), text: $pair)
            Button(words.of(.fieldPairStart)) { Task { await field.measurePair(pair) } }
            if let waiting = screen.pair { Text(words.of(waiting)).monospacedDigit() }
        }
    }
}
