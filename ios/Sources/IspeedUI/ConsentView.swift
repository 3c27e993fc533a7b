import IspeedCore
import SwiftUI

/// What a person reads and ticks before the first run, and may change at any time.
struct ConsentView: View {
    let shell: Shell
    let estimate: Estimate?
    @State private var choices: Choices
    @Environment(\.dismiss) private var dismiss

    init(shell: Shell, estimate: Estimate?, choices: Choices = Choices()) {
        self.shell = shell
        self.estimate = estimate
        _choices = State(initialValue: choices)
    }

    var body: some View {
        let screen = consentScreen(choices, estimate: estimate)
        let words = shell.words
        NavigationStack {
            Form {
                Section { Text(words.of(screen.intro)) }
                choice(screen.choices[0], $choices.run)
                choice(screen.choices[1], $choices.upload)
                choice(screen.choices[2], $choices.commune)
                choice(screen.choices[3], $choices.precise)
                Section {
                    if let data = screen.data { Text(words.of(data)) }
                    Text(words.of(screen.about)).font(.footnote)
                }
                Section {
                    Button(words.of(screen.agree)) { agree() }.disabled(!screen.mayAgree)
                    if let needed = screen.needed { Text(words.of(needed)).font(.footnote) }
                }
            }
            .navigationTitle(words.of(screen.title))
        }
    }

    private func choice(_ choice: Choice, _ isTicked: Binding<Bool>) -> some View {
        Section {
            Toggle(shell.words.of(choice.label), isOn: isTicked)
            Text(shell.words.of(choice.more)).font(.footnote).foregroundStyle(.secondary)
        }
    }

    private func agree() {
        Task {
            await shell.session.settings.agree(choices)
            // Only now, and only for the commune: who attaches no commune is not asked for a position.
            if choices.commune || choices.precise { shell.phone.askForLocation() }
            dismiss()
        }
    }
}
