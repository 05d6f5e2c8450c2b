#include <keywarden/protect/recipient.hpp>

#include <boost/mp11.hpp>
#include <boost/test/unit_test.hpp>

#include <keywarden/crypto/dhkem.hpp>
#include <keywarden/crypto/rsa_oaep.hpp>
#include <keywarden/crypto/x_wing.hpp>

#include "laws.hpp"
#include "world.hpp"

using namespace keywarden;
using namespace keywarden::testing;

using kems = boost::mp11::mp_list<crypto::x_wing, crypto::dhkem_p256, crypto::dhkem_x25519,
                                  crypto::rsa_oaep<>>;

BOOST_AUTO_TEST_CASE_TEMPLATE(a_recipient_keeps_the_laws_of_a_protector, Kem, kems) {
  keeps_the_laws(hands<protect::recipient<Kem>>{.right = recipient_of<Kem>(0),
                                                .wrong = recipient_of<Kem>(1),
                                                .missing = protect::recipient<Kem>(),
                                                .wrong_is_told = errc::unknown_key});
}

BOOST_AUTO_TEST_CASE_TEMPLATE(who_has_only_the_public_key_hides_and_does_not_recover, Kem, kems) {
  system_random random;
  auto ours = Kem::private_key::generate(random).value();
  const protect::recipient<Kem> sender(typename Kem::public_key(ours.public_part()));
  const protect::recipient<Kem> receiver(std::move(ours));
  const auto data = sender.hide(the_key(), the_place()).value().value;
  BOOST_TEST(opened(recover_with(receiver, data)));
  BOOST_TEST(refused_as(errc::secret_required, recover_with(sender, data).outcome));
  auto moved = sender;
  const auto taken = std::move(moved);
  // NOLINTNEXTLINE(bugprone-use-after-move): that is what is tested
  BOOST_TEST(refused_as(errc::secret_required, moved.hide(the_key(), the_place())));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_slot_renamed_to_another_recipient_does_not_open, Kem, kems) {
  const auto data = recipient_of<Kem>(0).hide(the_key(), the_place()).value().value;
  const auto theirs = recipient_of<Kem>(1).hide(the_key(), the_place()).value().value;
  const auto tried = recover_with(
      recipient_of<Kem>(1),
      replaced(data, nlohmann::json::json_pointer("/public_key"), theirs["public_key"]));
  BOOST_TEST(!tried.found_the_key);
}
