// Package ec2 stands in for the client of Amazon EC2, which Felix calls for one setting of Amazon's network interfaces
// (AWSSrcDstCheck). The real one is a sixth of all that Calico compiles, and no node of ours is there.
package ec2

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

var errNotBuiltIn = errors.New("this Calico was built without the client of Amazon EC2")

// Options are a client's settings.
type Options struct{ Region string }

// Client answers every call with an error.
type Client struct{}

// NewFromConfig returns a client.
func NewFromConfig(aws.Config, ...func(*Options)) *Client { return &Client{} }

// DescribeInstancesInput is what DescribeInstances is asked.
type DescribeInstancesInput struct{ InstanceIds []string }

// DescribeInstancesOutput is what DescribeInstances would answer.
type DescribeInstancesOutput struct{ Reservations []types.Reservation }

// DescribeInstances fails.
func (*Client) DescribeInstances(
	context.Context, *DescribeInstancesInput, ...func(*Options),
) (*DescribeInstancesOutput, error) {
	return nil, errNotBuiltIn
}

// ModifyNetworkInterfaceAttributeInput is what ModifyNetworkInterfaceAttribute is asked.
type ModifyNetworkInterfaceAttributeInput struct {
	NetworkInterfaceId *string
	SourceDestCheck    *types.AttributeBooleanValue
}

// ModifyNetworkInterfaceAttributeOutput is what ModifyNetworkInterfaceAttribute would answer.
type ModifyNetworkInterfaceAttributeOutput struct{}

// ModifyNetworkInterfaceAttribute fails.
func (*Client) ModifyNetworkInterfaceAttribute(
	context.Context, *ModifyNetworkInterfaceAttributeInput, ...func(*Options),
) (*ModifyNetworkInterfaceAttributeOutput, error) {
	return nil, errNotBuiltIn
}
