#include <keywarden/key/role.hpp>

#include <set>

#include <boost/mp11.hpp>
#include <boost/test/unit_test.hpp>

namespace role = keywarden::role;

// The matrix of edges is checked while compiling: tests/static/role_static.cpp.

BOOST_AUTO_TEST_SUITE(key_roles)

BOOST_AUTO_TEST_CASE(every_role_has_a_name_of_its_own_and_no_size) {
  using all =
      boost::mp11::mp_list<role::account, role::machine, role::password, role::recipient,
                           role::threshold, role::service_master_key, role::database_master_key,
                           role::certificate, role::asymmetric_key, role::symmetric_key,
                           role::credential, role::linked_server, role::scale_out_key,
                           role::scale_out_member, role::backup, role::data>;
  std::set<std::string_view> names;
  boost::mp11::mp_for_each<all>([&](auto each) {
    static_assert(std::is_empty_v<decltype(each)>);
    BOOST_TEST(names.insert(each.name).second);
  });
  BOOST_TEST(names.size() == 16U);
}

BOOST_AUTO_TEST_SUITE_END()
