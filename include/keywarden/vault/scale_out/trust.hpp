/// @file
/// Whether an instance believes what the shared store says of a deployment.
#pragma once

#include <string>

#include <keywarden/key/key_record.hpp>
#include <keywarden/key/key_ring.hpp>
#include <keywarden/vault/scale_out/chain.hpp>
#include <keywarden/vault/scale_out/membership.hpp>
#include <keywarden/vault/scale_out/roster.hpp>

namespace keywarden::detail {

/// Judges records of a deployment by what an instance keeps of it. Whoever can write the store can
/// write any record: only who knows the shared key can vouch for one.
template <crypto::kem Kem>
class trust_judge {
 public:
  explicit trust_judge(const object_name& deployment) noexcept : deployment_(deployment) {}

  /// Whether the record has a copy of the key for this instance: installation and public key match.
  [[nodiscard]] result<void> activation(const record_header& header, const membership& mine,
                                        const typename Kem::private_key& private_key) const {
    const auto inactive = error(errc::not_activated)
                              .with(fact::name, deployment_.text())
                              .with(fact::actual, label_of(mine.installation));
    const auto* own = slot_of(header, mine.installation);
    if (own == nullptr) {
      if (mine.stage == membership_stage::joining)
        return error(inactive)
            .with(fact::reason, "no member has approved it yet")
            .with(fact::next_step, "approve it at a member, comparing its fingerprint");
      return error(inactive)
          .with(fact::reason, "it has been removed")
          .with(fact::next_step,
                "if that was not meant, forget the deployment here and ask to join again");
    }
    auto theirs = public_key_of<Kem>(*own);
    if (!theirs) return theirs.error();
    if (*theirs != private_key.public_part().encode())
      return error(inactive)
          .with(fact::reason, "its installation id is stored with another public key")
          .with(fact::next_step, "apply a backup of the shared key, or join again");
    return done();
  }

  /// Whether to believe that this is the deployment's key, whatever the store says.
  [[nodiscard]] result<void> trust(const record_header& header, const key_ring& ring,
                                   const roster& members, const record_key_chain& chain,
                                   const state_digest& state, const membership& mine,
                                   const verification_code* confirmation) const {
    switch (mine.stage) {
      case membership_stage::joining: {
        if (confirmation == nullptr)
          return error(errc::not_activated)
              .with(fact::name, deployment_.text())
              .with(fact::reason, "approved, and not confirmed here")
              .with(fact::next_step,
                    "join with the confirmation that the approving member has shown");
        const auto* own = slot_of(header, mine.installation);
        auto key = public_key_of<Kem>(*own);
        if (!key) return key.error();
        for (const auto& each : chain.links()) {
          auto expected = join_confirmation(each.witness, header.id, mine.installation, *key);
          if (!expected) return expected.error();
          if (*expected == *confirmation) return done();
        }
        return error(errc::authentication_failed)
            .with(fact::name, deployment_.text())
            .with(fact::operation, "join")
            .with(fact::reason, "the confirmation is not that of this deployment's key")
            .with(fact::next_step,
                  "compare it again; if it is right, somebody has put another key into the store");
      }
      case membership_stage::creating: {
        const auto* first = ring.find(mine.version);
        if (header.id == mine.record && first != nullptr && first->secret == mine.trusted)
          return done();
        return another_key();
      }
      case membership_stage::active:
        break;
      case membership_stage::removed:
        return error(errc::not_activated).with(fact::name, deployment_.text());
    }
    return recognise(header, members, state, mine);
  }

  /// Whether a state of the record is the one that this instance saw last, or a later one that who
  /// had that vouches for.
  [[nodiscard]] result<void> recognise(const record_header& header, const roster& members,
                                       const state_digest& state, const membership& mine) const {
    if (header.id != mine.record) return another_key();
    if (auto borne = check_witness(header, members, mine.trusted_key, mine.trusted); !borne)
      return header.generation < mine.generation ? rolled_back(header, mine) : borne;
    if (header.generation < mine.generation ||
        (header.generation == mine.generation && state != mine.state))
      return rolled_back(header, mine);
    return done();
  }

 private:
  [[nodiscard]] static error rolled_back(const record_header& header, const membership& mine) {
    return error(errc::rolled_back)
        .with(fact::name, header.name)
        .with(fact::limit, mine.generation)
        .with(fact::actual, header.generation)
        .with(fact::next_step,
              "if the database was restored on purpose, apply a backup of the shared key");
  }
  [[nodiscard]] error another_key() const {
    return error(errc::authentication_failed)
        .with(fact::name, deployment_.text())
        .with(fact::reason, "the store holds another deployment's key under this name")
        .with(fact::next_step,
              "restore the database; or, if the deployment was made anew, forget the old one here "
              "and join again");
  }

  object_name deployment_;
};

}  // namespace keywarden::detail
