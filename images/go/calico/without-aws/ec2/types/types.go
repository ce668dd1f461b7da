// Package types holds what of EC2's types Felix names.
package types

// AttributeBooleanValue is a flag that may be unset.
type AttributeBooleanValue struct{ Value *bool }

// Reservation is a group of instances.
type Reservation struct{ Instances []Instance }

// Instance is a virtual machine.
type Instance struct{ NetworkInterfaces []InstanceNetworkInterface }

// InstanceNetworkInterface is one of its interfaces.
type InstanceNetworkInterface struct {
	Attachment         *InstanceNetworkInterfaceAttachment
	NetworkInterfaceId *string
}

// InstanceNetworkInterfaceAttachment says which one it is.
type InstanceNetworkInterfaceAttachment struct{ DeviceIndex *int32 }
