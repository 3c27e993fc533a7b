import Combine
import Foundation
import IspeedCore
import IspeedPhone

/// What the screens share: the open core, the phone, and the language.
@MainActor
public final class Shell: ObservableObject {
    public let session: Session
    public let phone: Phone
    let words: Words

    /// What the phone knows now.
    @Published private(set) var phoneState: PhoneState

    public init(session: Session, phone: Phone) {
        self.session = session
        self.phone = phone
        words = Words(Language(preferred: Bundle.main.preferredLocalizations.first))
        phoneState = phone.state
    }

    /// The app came to the front.
    func appeared() {
        phone.start { [weak self] in self?.phoneChanged() }
        phoneChanged()
        Task {
            await session.settings.refresh()
            await session.history.refresh()
        }
    }

    /// The app left the front.
    func disappeared() {
        // iOS stops a measuring app in the background at its own time; what was measured until then is kept as a sample.
        session.field.stop()
        session.measure.stop()
        phone.stop()
    }

    private func phoneChanged() {
        phoneState = phone.state
        Task {
            await session.measure.phoneChanged()
            await session.field.phoneChanged()
        }
    }
}
