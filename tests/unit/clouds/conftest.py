from tests.unit.clouds.test_openstack_requests import cloud, fake

__all__ = ["cloud", "fake"]  # fixtures of the tests here
